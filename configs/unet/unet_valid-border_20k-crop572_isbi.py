# U-Net as published on the ISBI 2012 electron microscopy data: tiles of 572 px of
# which 388 are labeled, border weights, elastic deformation, one image a step,
# momentum .99; prediction averaged over 7 rotations.  The paper gives neither the
# learning rate nor the number of steps: those here are ours.
#   python tools/train.py configs/unet/unet_valid-border_20k-crop572_isbi.py
# Not yet measured here.
_base_ = [
    './_base_/unet_small.py',
    '../_base_/datasets/isbi_em.py',
    '../_base_/runtime/semantic_runtime.py',
]

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
max_iters = 20000
base_lr = 1e-3
rotations = 7  # 1 is 7 times as fast

# -------------------------------------------------------------------- model
model = dict(
    type='mmseg_plugins.RotationAveragingEncoderDecoder',
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3, size=(572, 572)),
    backbone=dict(when='test', tile=388, net=dict(base_channels=64, norm_cfg=None)),
    decode_head=dict(
        in_channels=64,
        num_classes=2,
        loss_decode=dict(_delete_=True, type='mmseg_plugins.WeightedCrossEntropyLoss')),
    test_cfg=dict(rotations=rotations))

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=1000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=base_lr, momentum=0.99))
param_scheduler = [dict(type='PolyLR', power=0.9, by_epoch=False, end=max_iters)]
default_hooks = dict(checkpoint=dict(interval=1000))
