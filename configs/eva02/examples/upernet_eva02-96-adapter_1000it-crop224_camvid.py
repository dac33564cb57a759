# UperNet on a small EVA-02 with ViT-Adapter in place of rescaled blocks, from scratch, on CamVid.
#   python tools/train.py configs/eva02/examples/upernet_eva02-96-adapter_1000it-crop224_camvid.py
# Not yet measured here.
_base_ = '../_base_/camvid.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.ViTAdapter',
        vit=dict(
            type='mmseg_plugins.EVA02', arch=dict(embed_dims=96, depth=6, num_heads=3), pretrain_size=256),
        interactions=[[0, 1], [2, 3], [4, 4], [5, 5]],
        width=16,
        deform_heads=6),
    neck=None)
