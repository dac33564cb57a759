"""FCIS's training targets: RoI labels, box deltas and 21 x 21 masks.

Original code (MIT): https://github.com/msracver/FCIS/blob/309f6c9a1669bf05a955b66519a807951e70197f
(``fcis/operator_py/proposal_annotator.py``, ``lib/mask/mask_transform.py``).

Differs from the original: masks come binary at the network's input size (mmdet resizes them by nearest neighbor; the
original resizes them bilinearly to fractions).  Fractions are accepted too.

Shapes: N RoIs, G objects, p x p mask bins, H x W image pixels.  Boxes are (x1, y1, x2, y2) in input-image pixels;
see :class:`~mmseg_plugins.structures.boxes.BoxMode`.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from mmseg_plugins.ops.bilinear import resize_taps
from mmseg_plugins.structures.boxes import BoxMode

NO_OBJECT = -1
MASK_THRESHOLD = 0.4


class BoxCoder(Protocol):
    """What is used of mmdet's box coders."""

    def encode(self, bboxes: Tensor, gt_bboxes: Tensor) -> Tensor:
        """Deltas (N, 4) that take ``bboxes`` to ``gt_bboxes``."""
        ...


class FCISTargets(NamedTuple):
    """Attributes:
    rois: (N, 4).
    labels: (N,) 0 = background, 1..K.
    box_targets: (N, 4) normalized deltas, 0 for background.
    mask_targets: (N, p, p) int8: 1 inside, 0 outside, -1 everywhere for background.
    """

    rois: Tensor
    labels: Tensor
    box_targets: Tensor
    mask_targets: Tensor


def fcis_targets(rois: Tensor,
                 gt_index: Tensor,
                 gt_boxes: Tensor,
                 gt_labels: Tensor,
                 gt_masks: Tensor,
                 coder: BoxCoder,
                 mask_size: int = 21,
                 threshold: float = MASK_THRESHOLD,
                 box_mode: BoxMode = BoxMode.INCLUSIVE) -> FCISTargets:
    """Targets of the RoIs of one image.

    Args:
        rois: (N, 4).
        gt_index: (N,) object of each RoI, -1 for background.
        gt_boxes: (G, 4).
        gt_labels: (G,) 0..K - 1, mmdet's counting.
        gt_masks: (G, H, W), in [0, 1].
    """
    inside = gt_index >= 0
    objects = gt_index[inside]
    labels = torch.zeros_like(gt_index)
    labels[inside] = gt_labels[objects] + 1
    box_targets = rois.new_zeros(len(rois), 4)
    box_targets[inside] = coder.encode(rois[inside], gt_boxes[objects]).to(rois)
    mask_targets = torch.full((len(rois), mask_size, mask_size), NO_OBJECT, dtype=torch.int8, device=rois.device)
    mask_targets[inside] = roi_mask_targets(rois[inside], objects, gt_boxes, gt_masks, mask_size, threshold, box_mode)
    return FCISTargets(rois, labels, box_targets, mask_targets)


def roi_mask_targets(rois: Tensor,
                     gt_index: Tensor,
                     gt_boxes: Tensor,
                     gt_masks: Tensor,
                     mask_size: int = 21,
                     threshold: float = MASK_THRESHOLD,
                     box_mode: BoxMode = BoxMode.INCLUSIVE) -> Tensor:
    """Cut each RoI out of its object's mask and resize it to (N, p, p) int8, 1 where the value is >= ``threshold``.

    RoI and object box are rounded (halves to even).  Inclusive boxes, as msracver's: outside the object's box the mask
    counts as 0; half-open ones, as chainercv's: the mask itself is cut.  Resizing is OpenCV's bilinear rule without
    smoothing: target pixel i reads (i + .5) * length / p - .5, so that a 42 pixel RoI reads pixels 0 and 1 half each,
    then 2 and 3, ...
    Computed in float64, as the original does.
    """
    box = rois.double().round().long()
    start, length = box[:, :2], box_mode.sides(box).clamp(min=1)
    height, width = gt_masks.shape[-2:]
    low, high = torch.zeros_like(start), start.new_tensor([width, height]).expand_as(start)
    if box_mode is BoxMode.INCLUSIVE:
        limits = gt_boxes[gt_index].double().round().long()
        low, high = torch.maximum(low, limits[:, :2]), torch.minimum(high, limits[:, 2:] + 1)
    xs, x_share, x_valid = _taps(start[:, 0], length[:, 0], low[:, 0], high[:, 0], mask_size)
    ys, y_share, y_valid = _taps(start[:, 1], length[:, 1], low[:, 1], high[:, 1], mask_size)
    value = torch.zeros(len(rois), mask_size, mask_size, dtype=torch.float64, device=rois.device)
    for i in range(2):
        for j in range(2):
            corner = gt_masks[gt_index[:, None, None], ys[i][:, :, None], xs[j][:, None, :]].double()
            value += corner * (y_share[i] * y_valid[i])[:, :, None] * (x_share[j] * x_valid[j])[:, None, :]
    return (value >= threshold).to(torch.int8)


def _taps(start: Tensor, length: Tensor, low: Tensor, high: Tensor,
          size: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Along one axis: the two pixels (N, p) that each target pixel reads, their shares, and whether each pixel lies
    in low..high - 1 (otherwise it counts as 0 and its index is moved to a legal one)."""
    near, far, share = resize_taps(length, size, torch.float64)
    pixels = [tap + start[:, None] for tap in (near, far)]
    valid = [(p >= low[:, None]) & (p < high[:, None]) for p in pixels]
    safe = [torch.where(v, p, 0) for p, v in zip(pixels, valid, strict=True)]
    return (safe[0], safe[1]), (1 - share, share), (valid[0], valid[1])
