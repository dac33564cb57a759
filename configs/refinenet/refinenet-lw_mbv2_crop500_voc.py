# Light-Weight RefineNet, MobileNetV2 with its first expansion, on PASCAL VOC 2012.  The decoder adds the two maps of
# stride 16 and of stride 32; ReLU6, no dropout, 256 channels everywhere.
# Released weights: 76.2 mIoU on val, one scale (the authors' README).
#   tools/dist_train.sh configs/refinenet/refinenet-lw_mbv2_crop500_voc.py 1
# The encoder's ImageNet weights are torchvision's, with an identity as the expansion that they lack:
#   mmseg-plugins convert-weights mobilenet-v2-torchvision-expanded mobilenet_v2-7ebf99e0.pth \
#       checkpoints/mobilenet_v2_expanded.pth
# Not yet measured here.
_base_ = ['./_base_/refinenet-lw.py', '../_base_/datasets/voc12aug_semantic.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.ExpandedMobileNetV2',
        out_indices=(1, 2, 3, 4, 5, 6),
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='checkpoints/mobilenet_v2_expanded.pth')),
    decode_head=dict(
        in_channels=[24, 32, 64, 96, 160, 320],
        map_groups=[1, 1, 2, 2],
        top_channels=256,
        adapt=False,
        dropout_ratio=0.0,
        act_cfg=dict(type='ReLU6')))
train_dataloader = dict(batch_size=6, dataset=dict(pipeline={{_base_.recipe_pipeline}}))
