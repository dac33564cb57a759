"""Overlaps of boxes whose corners are pixels, as py-faster-rcnn, FCIS and PANet measure them.

mmdet's only calculator with widths x2 - x1 + 1, ``BboxOverlaps2D_GLIP``, gives the IoU whatever ``mode`` it is asked
for, so that ``ignore_iof_thr`` of an assigner would protect no small RoI inside a crowd.
"""

from __future__ import annotations

from mmdet.structures.bbox import get_box_tensor
from torch import Tensor

from mmseg_plugins.registry import TASK_UTILS
from mmseg_plugins.structures.boxes import BoxMode, box_overlaps

MODES = ('iou', 'iof')


@TASK_UTILS.register_module()
class InclusiveOverlaps:
    """IoU, or intersection over the first box (``'iof'``), of boxes with inclusive corners.

    Example: the 2 x 2 pixels (0, 0, 1, 1) and the 4 x 4 pixels (0, 1, 3, 4) share 2: IoU 2 / 18, IoF 2 / 4.
    """

    def __call__(self, bboxes1: Tensor, bboxes2: Tensor, mode: str = 'iou', is_aligned: bool = False) -> Tensor:
        """Give (N, M) overlaps of boxes (N, 4) and (M, 4), or (N,) of pairs with ``is_aligned``.

        Columns after the fourth, mmdet's scores, are not read.  ``ValueError``: another mode, or pairs of two lengths.
        """
        if mode not in MODES:
            raise ValueError(f'InclusiveOverlaps: mode={mode!r}, it must be one of {MODES}')
        first, second = get_box_tensor(bboxes1)[:, :4], get_box_tensor(bboxes2)[:, :4]
        if is_aligned and len(first) != len(second):
            raise ValueError(f'InclusiveOverlaps: is_aligned=True compares pairs, but there are {len(first)} and '
                             f'{len(second)} boxes; give as many of both, or is_aligned=False')
        return box_overlaps(first, second, BoxMode.INCLUSIVE, kind=mode, aligned=is_aligned)
