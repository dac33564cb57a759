# PANet, whole, from the ResNet-50 weights that torchvision serves: the way to train it without a local file.
# Deviates from the released setting in the backbone (stride on the 3x3 convolution, RGB input divided by std) and in
# mask targets, read from bitmaps, so that own data may hold RLE masks, too.
#   tools/dist_train.sh configs/panet/panet_r50-torchvision-full_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    backbone=dict(style='pytorch', init_cfg=dict(checkpoint='torchvision://resnet50')),
    neck=dict(bottom_up=True),
    roi_head=dict(
        bbox_roi_extractor=dict(type='mmseg_plugins.AllLevelRoIExtractor'),
        bbox_head=dict(type='mmseg_plugins.AdaptivePooling4Conv1FCBBoxHead', num_levels=4),
        mask_roi_extractor=dict(type='mmseg_plugins.AllLevelRoIExtractor'),
        mask_head=dict(num_levels=4, fc_fusion=True)))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    *_base_.train_pipeline[2:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
