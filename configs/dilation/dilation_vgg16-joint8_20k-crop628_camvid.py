# DilatedNet, front-end and context module of 8 layers trained together on CamVid: the
# last of three stages.  Paper: mean IoU 65.3 on the test images of 640 x 480.
#   python tools/train.py configs/dilation/dilation_vgg16-joint8_20k-crop628_camvid.py
# Not yet measured here.
_base_ = './_base_/camvid.py'

base_lr = 1e-5
load_from = 'work_dirs/dilation_vgg16-context8_20k-crop628_camvid/iter_20000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/dilation/dilation_vgg16-context8_20k-crop628_camvid.py')
]

model = dict(decode_head=dict(context='basic8'))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
