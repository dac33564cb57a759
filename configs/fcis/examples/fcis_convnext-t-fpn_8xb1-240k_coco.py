# Mixing: FCIS on ConvNeXt-T and stock FPN, whose stride-16 map the head reads and all of whose maps the RPN reads.
#   tools/dist_train.sh configs/fcis/examples/fcis_convnext-t-fpn_8xb1-240k_coco.py 8
# Not yet measured here.
_base_ = '../_base_/coco-fpn.py'

address = 'https://dl.fbaipublicfiles.com/convnext/convnext_tiny_1k_224_ema.pth'
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.ConvNeXt',
        arch='tiny',
        drop_path_rate=0.4,
        init_cfg=dict(type='Pretrained', checkpoint=address)))
