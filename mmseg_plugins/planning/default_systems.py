"""COCO's settings of the systems that are known, for data that comes without a config.

Only the keys that depend on the data.  Values: mmdet 3.3 ``_base_/models/mask-rcnn_r50_fpn.py``, ``solo`` and
``mask2former`` configs; FCIS: msracver/FCIS (commit 309f6c9), COCO.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_EXTRACTOR = dict(type='SingleRoIExtractor', featmap_strides=[4, 8, 16, 32], finest_scale=56)


class DefaultSystem(NamedTuple):
    """What a fragment serves, a config that it fits, and the part of that config's model that depends on the data.

    ``example`` is a host's config, or a path below the project's ``configs``.
    """

    serves: str
    example: str
    model: dict[str, Any]


#: File stem -> the system.
DEFAULT_SYSTEMS: dict[str, DefaultSystem] = {
    'mask-rcnn': DefaultSystem(
        'Mask R-CNN and Cascade Mask R-CNN, stock, on a pyramid of strides 4 to 64',
        'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py',
        dict(
            rpn_head=dict(
                anchor_generator=dict(
                    type='AnchorGenerator', scales=[8], ratios=[0.5, 1.0, 2.0], strides=[4, 8, 16, 32, 64])),
            roi_head=dict(bbox_roi_extractor=_EXTRACTOR, mask_roi_extractor=_EXTRACTOR),
            train_cfg=dict(
                rpn=dict(allowed_border=-1), rpn_proposal=dict(nms_pre=2000, max_per_img=1000),
                rcnn=dict(mask_size=28)),
            test_cfg=dict(
                rpn=dict(nms_pre=1000, max_per_img=1000),
                rcnn=dict(nms=dict(iou_threshold=0.5), max_per_img=100)))),
    'fcis': DefaultSystem(
        'FCIS on one map of stride 16',
        'fcis/fcis_r101-dc5_8xb1-240k_coco.py',
        dict(
            rpn_head=dict(
                anchor_generator=dict(
                    type='mmseg_plugins.RoundedAnchorGenerator', scales=[4, 8, 16, 32], ratios=[0.5, 1.0, 2.0],
                    strides=[16])),
            train_cfg=dict(rpn=dict(allowed_border=0), rpn_proposal=dict(nms_pre=6000, max_per_img=300)),
            test_cfg=dict(
                rpn=dict(nms_pre=6000, max_per_img=300),
                rcnn=dict(nms=dict(iou_threshold=0.3), max_per_img=100)))),
    'solo': DefaultSystem(
        'SOLO, decoupled SOLO and SOLOv2 on five levels of strides 8, 8, 16, 32, 32',
        'mmdet::solo/solo_r50_fpn_1x_coco.py',
        dict(
            mask_head=dict(
                type='SOLOHead',
                strides=[8, 8, 16, 32, 32],
                scale_ranges=((1, 96), (48, 192), (96, 384), (192, 768), (384, 2048)),
                num_grids=[40, 36, 24, 16, 12]),
            test_cfg=dict(nms_pre=500, max_per_img=100))),
    'mask2former': DefaultSystem(
        'Mask2Former and MaskFormer',
        'mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco.py',
        dict(panoptic_head=dict(num_queries=100), test_cfg=dict(max_per_image=100))),
}
