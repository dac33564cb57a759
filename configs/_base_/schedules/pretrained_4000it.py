# pretrained_2000it.py twice as long, for a system that still gains much when that ends (docs/training.md, "Would a
# longer training help?").
_base_ = './pretrained_2000it.py'

# ------------------------------------------------------------------ often changed
max_iters = 4000
warmup_iters = 100

train_cfg = dict(max_iters=max_iters)
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
