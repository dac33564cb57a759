# PSPNet over ResNet-101 at stride 8 by stock parts: pyramid pooling 1, 2, 3, 6, auxiliary loss of .4 on stage 3, both
# heads at ten times the rate, scales, rotation, blur and mirror images; tests by windows of 473.
# Published (from memory, not checked): 82.6 mIoU on VOC test with several scales.
#   tools/dist_train.sh configs/pspnet/pspnet_r101-os8_30k-crop473_voc.py 4
# Not yet measured here.
_base_ = ['../deeplab/_base_/voc_513.py']

crop_size = (473, 473)
mean_bgr = (103.53, 116.28, 123.675)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomRotate', prob=0.5, degree=10, pad_val=mean_bgr, seg_pad_val=255),
    dict(type='mmseg_plugins.RandomGaussianBlur', prob=0.5, kernel=5),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(512, 512), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
tta_pipeline = [  # the long side of the image at scale 1 is 512 here, too
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(int(512 * scale), int(512 * scale)), keep_ratio=True)
             for scale in _base_.tta_scales],
            *_base_.tta_pipeline[1].transforms[1:],
        ]),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(
    optimizer=dict(lr=0.01),
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0), 'auxiliary_head': dict(lr_mult=10.0)}))
norm_cfg = dict(type='SyncBN', requires_grad=True)
loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
        size=crop_size, pad_val=0, seg_pad_val=255, test_cfg=dict(size=crop_size)),
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
    test_cfg=dict(mode='slide', crop_size=crop_size, stride=(316, 316)))
