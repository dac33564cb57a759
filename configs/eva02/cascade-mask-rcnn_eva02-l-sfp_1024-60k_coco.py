# EVA-02-L in Cascade Mask R-CNN on COCO, squares of 1024 px, windows of 16 tokens; a batch of 144.
# Original, COCO val: box AP 59.2, mask AP 50.8.
#   tools/dist_train.sh configs/eva02/cascade-mask-rcnn_eva02-l-sfp_1024-60k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(
    backbone=dict(
        arch='l',
        global_blocks=(5, 11, 17, 23),
        drop_path_rate=0.4,
        with_cp=True,
        init_cfg=dict(checkpoint='checkpoints/eva02_l_det.pth')),
    neck=dict(in_channels=1024))
optim_wrapper = dict(optimizer=dict(lr=6e-5), paramwise_cfg=dict(decay_rate=0.8))
auto_scale_lr = dict(base_batch_size=144)
