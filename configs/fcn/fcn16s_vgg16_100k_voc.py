# FCN-16s on PASCAL VOC from FCN-32s: the second of three stages.
# Paper: mean IU 65.0 on seg11valid.
# torchvision's VGG-16 (RGB) instead of Caffe's.
#   python tools/train.py configs/fcn/fcn16s_vgg16_100k_voc.py
# Not yet measured here.
_base_ = './_base_/voc.py'

base_lr = 1e-12  # of the summed loss
load_from = 'work_dirs/fcn32s_vgg16_100k_voc/iter_100000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/fcn/fcn32s_vgg16_100k_voc.py',
        new=[r'decode_head\.(upscore2|upscore16|score_pool4)\..*'],
        dropped=[r'decode_head\.upscore\.weight'])
]

model = dict(
    decode_head=dict(in_channels=[512, 4096, 3]))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
