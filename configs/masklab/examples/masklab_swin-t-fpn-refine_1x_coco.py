# Mixing: MaskLab's masks on stock Swin-T with FPN.  Logits read P3 (stride 8), the refinement P2 (stride 4).
#   tools/dist_train.sh configs/masklab/examples/masklab_swin-t-fpn-refine_1x_coco.py 8
# Not yet measured here.
_base_ = ['mmdet::swin/mask-rcnn_swin-t-p4-w7_fpn_1x_coco.py']

custom_imports = dict(imports=['mmseg_plugins.activate'], allow_failed_imports=False)
runner_type = 'mmseg_plugins.SafeRunner'
default_hooks = dict(checkpoint=dict(type='mmseg_plugins.SafeCheckpointHook'))

model = dict(
    roi_head=dict(
        type='mmseg_plugins.MaskLabRoIHead',
        mask_roi_extractor=None,
        mask_head=dict(
            _delete_=True,
            type='mmseg_plugins.MaskLabMaskHead',
            num_classes=80,
            in_channels=256,
            logits_index=1,
            logits_stride=8,
            refine=dict(indices=[0], channels=[256], strides=[4]))),
    train_cfg=dict(rcnn=dict(max_masks_per_img=32, mask_size=None)))  # mask_head.mask_size counts
