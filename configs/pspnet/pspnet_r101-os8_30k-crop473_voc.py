# PSPNet over ResNet-101 at stride 8 by stock parts: pyramid pooling 1, 2, 3, 6, auxiliary loss of .4 on stage 3.
# Published (from memory, not checked): 82.6 mIoU on VOC test with several scales.
#   tools/dist_train.sh configs/pspnet/pspnet_r101-os8_30k-crop473_voc.py 4
# Not yet measured here.
_base_ = ['../deeplab/_base_/voc_513.py']

crop_size = (473, 473)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomRotate', prob=0.5, degree=10, seg_pad_val=255),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=0.01))
norm_cfg = dict(type='SyncBN', requires_grad=True)
loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
        size=crop_size, pad_val=0, seg_pad_val=255, test_cfg=dict(size=(513, 513))),
    backbone=dict(
        type='ResNet', depth=101, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), out_indices=(2, 3),
        norm_cfg=norm_cfg, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet101')),
    decode_head=dict(
        type='PSPHead', in_channels=2048, in_index=1, channels=512, pool_scales=(1, 2, 3, 6), dropout_ratio=0.1,
        num_classes=21, norm_cfg=norm_cfg, align_corners=True, loss_decode=loss),
    auxiliary_head=dict(
        type='FCNHead', in_channels=1024, in_index=0, channels=256, num_convs=1, concat_input=False, dropout_ratio=0.1,
        num_classes=21, norm_cfg=norm_cfg, align_corners=True, loss_decode=dict(loss_weight=0.4, **loss)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
