# FCN-16s on PASCAL VOC from FCN-32s: the second of three stages.
# Paper: mean IU 65.0 on seg11valid.
# Weights trained in Caffe: BGR images in 0..255 minus the mean.  The released FCNs
# (mmseg-plugins convert-weights fcn-caffe) run here, too.
#   python tools/train.py configs/fcn/fcn16s_vgg16-caffe_100k_voc.py
# Not yet measured here.
_base_ = './_base_/voc.py'

base_lr = 1e-12  # of the summed loss
load_from = 'work_dirs/fcn32s_vgg16-caffe_100k_voc/iter_100000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/fcn/fcn32s_vgg16-caffe_100k_voc.py',
        new=[r'decode_head\.(upscore2|upscore16|score_pool4)\..*'],
        dropped=[r'decode_head\.upscore\.weight'])
]

model = dict(
    data_preprocessor=dict(mean=[104.00699, 116.66877, 122.67892], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    decode_head=dict(in_channels=[512, 4096, 3]))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
