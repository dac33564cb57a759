# DilatedNet's context module of 8 layers on CamVid, on a front-end that is no longer
# trained: the second of three stages.
#   python tools/train.py configs/dilation/dilation_vgg16-context8_20k-crop628_camvid.py
# Not yet measured here.
_base_ = './_base_/camvid.py'

base_lr = 1e-3
load_from = 'work_dirs/dilation_vgg16-frontend_20k-crop628_camvid/iter_20000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/dilation/dilation_vgg16-frontend_20k-crop628_camvid.py',
        new=[r'decode_head\.context\..*'])
]

model = dict(
    backbone=dict(net=dict(frozen_stages=5)),
    decode_head=dict(context='basic8', frozen_scores=True))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
