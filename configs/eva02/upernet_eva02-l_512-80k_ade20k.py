# EVA-02-L in UperNet on ADE20K, crops of 512 px, a batch of 16.
# Original, ADE20K val, one scale: mIoU 59.8.
#   tools/dist_train.sh configs/eva02/upernet_eva02-l_512-80k_ade20k.py 8
# Not yet measured here.
_base_ = './_base_/ade20k.py'

max_iters = 80000
model = dict(
    backbone=dict(
        arch='l',
        out_indices=(7, 11, 15, 23),
        drop_path_rate=0.2,
        init_cfg=dict(checkpoint='checkpoints/eva02_l_seg.pth')),
    neck=dict(embed_dim=1024),
    decode_head=dict(in_channels=[1024, 1024, 1024, 1024], channels=1024),
    auxiliary_head=dict(in_channels=1024))
train_dataloader = dict(batch_size=2)
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=4e-5), paramwise_cfg=dict(decay_rate=0.9))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='PolyLR', by_epoch=False, power=1.0, eta_min=0.0, begin=1500, end=max_iters),
]
auto_scale_lr = dict(base_batch_size=16)
