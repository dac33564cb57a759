"""Random sampling that always fills its quota, as in R-CNN's original code and FCIS's setting on VOC.

Source: ``sample_rois`` of https://github.com/msracver/FCIS/blob/309f6c9a1669bf05a955b66519a807951e70197f/fcis/core/rcnn.py
"""

from __future__ import annotations

from typing import Any

import torch
from mmdet.models.task_modules.assigners import AssignResult
from mmdet.models.task_modules.samplers import RandomSampler
from torch import Tensor

from mmseg_plugins.registry import TASK_UTILS


@TASK_UTILS.register_module()
class PaddedRandomSampler(RandomSampler):
    """``RandomSampler`` that makes up for missing negatives by RoIs that were assigned to nothing.

    With an assigner of ``neg_iou_thr=(0.1, 0.5)`` RoIs below 0.1 are neither positive nor negative.  Stock sampling
    leaves a short batch; here they fill it, as background.  None is taken twice, and none that the assigner ignores
    because it lies in a crowd (``ignore_iof_thr``).  In an image without any object the stock assigner calls all RoIs
    background, those in crowds included; there is nothing to make up for then.
    """

    def _sample_neg(self, assign_result: AssignResult, num_expected: int, **kwargs: Any) -> Tensor:
        negatives = super()._sample_neg(assign_result, num_expected, **kwargs)
        missing = num_expected - len(negatives)
        if missing <= 0:
            return negatives
        ignored = assign_result.max_overlaps < 0  # MaxIoUAssigner's mark
        others = ((assign_result.gt_inds < 0) & ~ignored).nonzero()[:, 0]
        if len(others) > missing:
            others = self.random_choice(others, missing)
        return torch.cat([negatives.flatten(), others])  # stock gives (0, 1) for none
