# The context module of 8 layers with the released code's input, on 60 whole images a step: the second of three stages.
#   python tools/train.py configs/dilation/dilation_vgg16-caffe-context8_20k-crop628_camvid.py
# Not yet measured here.
_base_ = './_base_/camvid.py'

base_lr = 1e-3
batch_size = 60
margin = 186
load_from = 'work_dirs/dilation_vgg16-caffe-frontend_20k-crop628_camvid/iter_20000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/dilation/dilation_vgg16-caffe-frontend_20k-crop628_camvid.py',
        new=[r'decode_head\.context\..*'])
]

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='mmseg_plugins.MirrorPad', margin=margin),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=batch_size, dataset=dict(pipeline=train_pipeline))
model = dict(
    data_preprocessor=dict(size=(360 + 2 * margin, 480 + 2 * margin), **_base_.caffe_pixels),
    backbone=dict(net=dict(frozen_stages=5)),
    decode_head=dict(context='basic8', frozen_scores=True))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
