# For a network without pre-trained weights, meant to be long enough to level off, on two CPU cores: small_1000it.py
# four times as long, at a higher rate.  The overfit test (docs/overfit.md) asks for more than 1e-3.  Of a third,
# one and three times 5e-3 a held-out tenth of the training images prefers 5e-3 with U-Net and LinkNet; SegNet's,
# FCN-8s's, DeconvNet's and DeepLab v1's have 1e-3, ENet was not tried (docs/training.md, "Which learning rate?").

# ------------------------------------------------------------------ often changed
max_iters = 4000
val_interval = 1000
base_lr = 5e-3
warmup_iters = 200

train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=val_interval)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=base_lr, weight_decay=0.05, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=5.0, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=warmup_iters),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=warmup_iters,
        end=max_iters,
        T_max=max_iters - warmup_iters,
        eta_min=0.0),
]
