# DeepLab v3's cascade: blocks 5, 6, 7 after ResNet-101 at output stride 16, multi-grid 1, 2, 1, and a 1 x 1
# classifier (stock FCNHead without convolutions).
#   tools/dist_train.sh configs/deeplab/deeplabv3-cascade_r101-os16_30k-crop513_voc.py 4
# Not yet measured here.
_base_ = ['./_base_/r101_aspp.py', './_base_/voc_513.py']

model = dict(
    backbone=dict(extra_stages=3, multi_grid=(1, 2, 1), out_indices=(0, 6)),
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=2048,
        in_index=1,
        channels=2048,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0,
        num_classes=21,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)))
