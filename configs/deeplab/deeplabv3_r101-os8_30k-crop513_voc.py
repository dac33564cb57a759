# DeepLab v3, second half: output stride 8, rates doubled, batch norms frozen, from deeplabv3_r101-os16's last weights.
# Published (from memory, not checked): this second training for VOC's test server; 79.77 mIoU on VOC val is the net
# trained at stride 16 and tested under this config with several scales and flips (test ... --tta).
# First: deeplabv3_r101-os16_30k-crop513_voc.py; load_from names its checkpoint.
#   tools/dist_train.sh configs/deeplab/deeplabv3_r101-os8_30k-crop513_voc.py 4
# Not yet measured here.
_base_ = ['./_base_/r101_aspp.py', './_base_/voc_513.py']

base_lr = 0.001
load_from = 'work_dirs/deeplabv3_r101-os16_30k-crop513_voc/iter_30000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='tools/dist_train.sh configs/deeplab/deeplabv3_r101-os16_30k-crop513_voc.py 4')
]
model = dict(
    backbone=dict(
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        norm_cfg=dict(requires_grad=False),
        norm_eval=True,
        init_cfg=None),
    decode_head=dict(dilations=(1, 12, 24, 36)))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
