# The same with the released code's input, BGR images in 0..255 minus CamVid's mean: the last of three stages.
# mmseg-plugins convert-weights dilation-official writes released weights for this file.
#   python tools/train.py configs/dilation/dilation_vgg16-caffe-joint8_20k-crop628_camvid.py
# Not yet measured here.
_base_ = './_base_/camvid.py'

base_lr = 1e-5
load_from = 'work_dirs/dilation_vgg16-caffe-context8_20k-crop628_camvid/iter_20000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/dilation/dilation_vgg16-caffe-context8_20k-crop628_camvid.py')
]

model = dict(data_preprocessor=_base_.caffe_pixels, decode_head=dict(context='basic8'))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
