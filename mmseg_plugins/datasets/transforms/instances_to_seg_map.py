"""Semantic labels from instances, so that mmseg's models train on COCO files of objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmseg_plugins.registry import TRANSFORMS
from mmseg_plugins.utils.errors import UserError


@TRANSFORMS.register_module()
class InstancesToSegMap(BaseTransform):
    """Make ``gt_seg_map`` and ``gt_instance_map`` of mmdet's ``gt_masks`` and ``gt_bboxes_labels``.

    Background is class 0, an object of label k is class k + 1.  Where objects overlap, the smaller one is in front.
    Objects to be ignored (crowds) become the ignored label.  Boxes and masks are dropped: mmseg's steps would not move
    them along.

    Args:
        ignore_index: Label of the pixels of ignored objects.

    Raises:
        KeyError: no masks: ``mmdet.LoadAnnotations(with_bbox=True, with_mask=True)`` is missing before this step.
    """

    def __init__(self, ignore_index: int = 255) -> None:
        super().__init__()
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Paint the objects, the largest first."""
        if 'gt_masks' not in results:
            raise UserError(
                'InstancesToSegMap: no gt_masks; put mmdet.LoadAnnotations(with_bbox=True, with_mask=True) before '
                'this step',
            )
        masks = results.pop('gt_masks').to_ndarray()  # (N, H, W)
        labels, ignored = results.pop('gt_bboxes_labels'), results.pop('gt_ignore_flags')
        results.pop('gt_bboxes', None)
        classes = np.zeros(results['img'].shape[:2], np.uint8)
        instances = np.zeros(classes.shape, np.int32)
        areas = np.array([np.count_nonzero(mask) for mask in masks], np.int64)
        for index in np.lexsort((np.arange(len(masks)), -areas, ~ignored)):  # ignored objects first: others cover them
            inside = masks[index] > 0
            classes[inside] = self.ignore_index if ignored[index] else labels[index] + 1
            instances[inside] = 0 if ignored[index] else index + 1
        results.update(gt_seg_map=classes, gt_instance_map=instances, seg_fields=['gt_seg_map', 'gt_instance_map'],
                       reduce_zero_label=False)
        return results

    def __repr__(self) -> str:
        return f'InstancesToSegMap(ignore_index={self.ignore_index})'
