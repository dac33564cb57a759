# DeepLab v1 MSc-LargeFOV: the image and the first four pools join the features before the classifier.
# Start: torchvision's vgg16, RGB pixels; training without checkpoints/vgg16_msc-largefov.pth names the command that makes it.
#   python tools/train.py configs/deeplab/deeplabv1_vgg16-msc-largefov_6k-crop321_voc.py
# Not yet measured here.
_base_ = ['./_base_/vgg16.py', './_base_/voc_caffe.py']

train_dataloader = dict(batch_size=20)
train_cfg = dict(max_iters=6000, val_interval=1000)
param_scheduler = [dict(type='MultiStepLR', milestones=[2000, 4000], gamma=0.1, by_epoch=False)]
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.WithImage',
        net=dict(
            type='mmseg_plugins.VGG',
            depth=16,
            pool_strides=(2, 2, 2, 1, 1),
            pool_kernel=3,
            ceil_mode=True,
            dilations=(1, 1, 1, 1, 2),
            out_indices=(0, 1, 2, 3, 4))),
    decode_head=dict(
        type='mmseg_plugins.MScLargeFOVHead',
        in_channels=[3, 64, 128, 256, 512, 512],
        in_index=[-1, 0, 1, 2, 3, 4]),
    init_cfg=dict(checkpoint='checkpoints/vgg16_msc-largefov.pth'))
