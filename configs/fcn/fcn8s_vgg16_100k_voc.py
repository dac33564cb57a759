# FCN-8s on PASCAL VOC from FCN-16s: the last of three stages.
# Paper: mean IU 65.5 on seg11valid.
# torchvision's VGG-16 (RGB) instead of Caffe's.
#   python tools/train.py configs/fcn/fcn8s_vgg16_100k_voc.py
# Not yet measured here.
_base_ = './_base_/voc.py'

base_lr = 1e-14  # of the summed loss
load_from = 'work_dirs/fcn16s_vgg16_100k_voc/iter_100000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/fcn/fcn16s_vgg16_100k_voc.py',
        new=[r'decode_head\.(upscore_pool4|upscore8|score_pool3)\..*'],
        dropped=[r'decode_head\.upscore16\.weight'])
]

model = dict(
    decode_head=dict(in_channels=[256, 512, 4096, 3]))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
