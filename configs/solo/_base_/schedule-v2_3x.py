# SOLOv2's 3x: the rate starts at a hundredth.
_base_ = ['./schedule_1x.py']

# ------------------------------------------------------------------ often changed
max_epochs = 36
milestones = [27, 33]
warmup_factor = 0.01  # of the first of 500 iterations

train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type='LinearLR', start_factor=warmup_factor, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=True, begin=0, end=max_epochs, milestones=milestones, gamma=0.1),
]
