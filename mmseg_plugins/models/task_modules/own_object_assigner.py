"""IoU assignment in which every positive anchor learns the object that it overlaps most.

mmdet's ``MaxIoUAssigner`` gives each object its best anchor, however small their overlap, and makes that object the
anchor's target, even where another one covers the anchor better.  py-faster-rcnn, FCIS, Detectron and PANet only make
such an anchor positive; its box target stays the object with its greatest overlap.
Source: ``assign_anchor`` of https://github.com/msracver/FCIS/blob/309f6c9a1669bf05a955b66519a807951e70197f/lib/rpn/rpn.py
"""

from __future__ import annotations

from mmdet.models.task_modules.assigners import AssignResult, MaxIoUAssigner
from torch import Tensor

from mmseg_plugins.registry import TASK_UTILS


@TASK_UTILS.register_module()
class OwnObjectAssigner(MaxIoUAssigner):
    """``MaxIoUAssigner`` with the same positives, negatives and ignored boxes, and each positive's own best object.

    Example: an anchor overlaps object A by .8 and object B by .4, and no anchor overlaps B more.  Both assigners make
    it positive; mmdet's target is B, this one's A.

    Arguments are those of ``MaxIoUAssigner``.  Without ``match_low_quality`` the two agree.
    """

    def assign_wrt_overlaps(self, overlaps: Tensor, gt_labels: Tensor) -> AssignResult:
        """Assign n boxes by their overlaps (k, n) with k objects of ``gt_labels`` (k,)."""
        result = super().assign_wrt_overlaps(overlaps, gt_labels)
        if overlaps.numel():
            best = overlaps.argmax(dim=0)
            positive = result.gt_inds > 0
            result.gt_inds[positive] = best[positive] + 1
            result.labels[positive] = gt_labels[best[positive]]
        return result
