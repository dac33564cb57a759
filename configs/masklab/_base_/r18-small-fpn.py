# MaskLab's masks under the small Mask R-CNN that all systems share: stock FPN, proposals and boxes; semantic and
# direction logits and the refinement read the finest level (64 channels, stride 4).
_base_ = ['../../_base_/models/mask-rcnn_r18-small_fpn.py']

# ------------------------------------------------------------------ often changed
mask_size = 21

model = dict(
    roi_head=dict(
        type='mmseg_plugins.MaskLabRoIHead',
        mask_roi_extractor=None,
        mask_head=dict(
            _delete_=True,
            type='mmseg_plugins.MaskLabMaskHead',
            num_classes=80,
            in_channels=64,
            logits_index=0,
            logits_stride=4,
            mask_size=mask_size,
            refine=dict(indices=[0], channels=[64], strides=[4], conv_channels=32))),
    train_cfg=dict(rcnn=dict(max_masks_per_img=16, mask_size=None)))  # mask_head.mask_size counts
