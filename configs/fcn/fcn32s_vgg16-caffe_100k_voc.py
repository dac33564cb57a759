# FCN-32s on PASCAL VOC from ImageNet weights: the first of three stages.
# Paper: mean IU 63.6 on seg11valid.
# Weights trained in Caffe: BGR images in 0..255 minus the mean.  The released FCNs
# (mmseg-plugins convert-weights fcn-caffe) run here, too.
# checkpoints/vgg16_caffe.pth: mmseg-plugins convert-weights vgg16-fcn.
#   python tools/train.py configs/fcn/fcn32s_vgg16-caffe_100k_voc.py
# Not yet measured here.
_base_ = './_base_/voc.py'

base_lr = 1e-10  # of the summed loss

model = dict(
    data_preprocessor=dict(mean=[104.00699, 116.66877, 122.67892], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    backbone=dict(net=dict(init_cfg=dict(type='Pretrained', checkpoint='checkpoints/vgg16_caffe.pth'))),
    decode_head=dict(in_channels=[4096, 3]))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
