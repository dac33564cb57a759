# The same with the released code's input: BGR images in 0..255 minus CamVid's mean.
# mmseg-plugins convert-weights dilation-official writes released weights for this file;
# training it needs the stages before with the same data_preprocessor.
#   python tools/train.py configs/dilation/dilation_vgg16-caffe-joint8_20k-crop628_camvid.py
# Not yet measured here.
_base_ = './_base_/camvid.py'

base_lr = 1e-5
load_from = 'work_dirs/dilation_vgg16-caffe-context8/iter_20000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/dilation/dilation_vgg16-context8_20k-crop628_camvid.py '
        '--work-dir work_dirs/dilation_vgg16-caffe-context8 --cfg-options model.data_preprocessor.bgr_to_rgb=False '
        'model.data_preprocessor.mean=[110.70,108.78,105.41] model.data_preprocessor.std=[1.0,1.0,1.0]')
]

model = dict(
    data_preprocessor=dict(mean=[110.70, 108.78, 105.41], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    decode_head=dict(context='basic8'))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
