"""Box deltas of py-faster-rcnn, Detectron and what descends from them: corners are pixels that belong to the box.

Sources: ``bbox_transform`` of lib/utils/boxes.py of https://github.com/roytseng-tw/Detectron.pytorch (MIT), on which
PANet's code is built; ``nonlinear_pred`` of https://github.com/msracver/FCIS gives the same boxes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmdet.models.task_modules.coders import LegacyDeltaXYWHBBoxCoder
from mmdet.structures.bbox import HorizontalBoxes, get_box_tensor
from torch import Tensor

from mmseg_plugins.registry import TASK_UTILS


@TASK_UTILS.register_module()
class InclusiveDeltaXYWHBBoxCoder(LegacyDeltaXYWHBBoxCoder):
    """(x1, y1, x2, y2) with width x2 - x1 + 1 and height y2 - y1 + 1, in input-image pixels.

    Encoding is that of the stock ``LegacyDeltaXYWHBBoxCoder``.  Its decoding is not the inverse: it leaves out the
    half pixel on each side, so that a zero delta makes a box of n pixels one pixel larger (its source says why).  Here
    ``decode(boxes, encode(boxes, gt)) == gt``.

    Example: box (10, 20, 19, 39) is 10 x 20; with stds of 1, deltas (1, 0, 0, log 2) give (20, 10, 29, 49).
    Arguments: ``target_means``, ``target_stds``.
    """

    def decode(self,
               bboxes: Tensor,
               pred_bboxes: Tensor,
               max_shape: Sequence[int] | None = None,
               wh_ratio_clip: float = 16 / 1000) -> Tensor:
        """Apply deltas (N, 4 K) to boxes (N, 4); the result (N, 4 K) is clipped to pixels 0..size - 1 of ``max_shape``
        = (height, width)."""
        stock = get_box_tensor(super().decode(bboxes, pred_bboxes, None, wh_ratio_clip))
        boxes = stock.reshape(-1, 4) + stock.new_tensor([0.5, 0.5, -0.5, -0.5])
        if max_shape is not None:
            limit = stock.new_tensor([max_shape[1], max_shape[0]] * 2) - 1
            boxes = torch.minimum(boxes.clamp(min=0), limit)
        boxes = boxes.reshape(stock.shape)
        return HorizontalBoxes(boxes) if self.use_box_type else boxes
