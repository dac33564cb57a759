# Mixing: FCIS on stock Swin-T and FPN, whose stride-16 map the head reads and all of whose maps the RPN reads.
#   tools/dist_train.sh configs/fcis/examples/fcis_swin-t-fpn_8xb1-240k_coco.py 8
# Not yet measured here.
_base_ = '../_base_/coco-fpn.py'

address = 'https://github.com/SwinTransformer/storage/releases/download/v1.0.0/swin_tiny_patch4_window7_224.pth'
model = dict(
    backbone=dict(
        _delete_=True,
        type='SwinTransformer',
        embed_dims=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        window_size=7,
        drop_path_rate=0.2,
        convert_weights=True,
        init_cfg=dict(type='Pretrained', checkpoint=address)))
