# FC-DenseNet56 on CamVid, second part of the published recipe: whole images, from the
# result of the first part.  Paper, CamVid test: mIoU 58.9 (from memory, not checked).
#   python tools/train.py configs/fc_densenet/fc-densenet_56_750e-crop224_camvid.py
#   python tools/train.py configs/fc_densenet/fc-densenet_56_finetune_camvid.py
# A first part that stopped early, or its best state: --cfg-options load_from=FILE.
# Not yet measured here.
_base_ = ['./_base_/fc_densenet56.py', './_base_/finetune.py']

load_from = 'work_dirs/fc-densenet_56_750e-crop224_camvid/epoch_750.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/fc_densenet/fc-densenet_56_750e-crop224_camvid.py'),
    dict(type='EarlyStoppingHook', monitor='mIoU', rule='greater', patience=150, min_delta=0.0)
]

model = dict(data_preprocessor=dict(size={{_base_.crop_size}}))
