# 1,000 iterations on two CPU cores, AdamW, linear warm-up, cosine to zero, one validation at the end.

# ------------------------------------------------------------------ often changed
max_iters = 1000
base_lr = 1e-3
warmup_iters = 100

train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

adamw = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=base_lr, weight_decay=0.05, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=5.0, norm_type=2))
warmup_cosine = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=warmup_iters),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=warmup_iters,
        end=max_iters,
        T_max=max_iters - warmup_iters,
        eta_min=0.0),
]
optim_wrapper = adamw
param_scheduler = warmup_cosine
