"""Which window of an image pyramid or a feature pyramid shows which object.

Rule of DeepMask, "Learning to Segment Object Candidates", https://arxiv.org/abs/1506.06204, section 3.3, which
InstanceFCN (https://arxiv.org/abs/1603.08678) takes over: on its patch of 224 px the object's longer side is canonical
at 128 px; a patch is positive when the object's center is within 16 px of its own and the side within 2^(+-1/4) of the
canonical one, negative beyond 32 px or 2^(+-1), unused in between.  Both papers leave other window sizes open; here
every number is proportional to the window's side, so 168 px (21 cells of stride 8) give 96, 12 and 24 px.

Shapes: M windows, G objects; boxes are x1 y1 x2 y2 in input-image pixels, x2 and y2 exclusive.
"""

from __future__ import annotations

from typing import Any

import torch
from mmdet.models.task_modules.assigners import AssignResult, BaseAssigner
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.registry import TASK_UTILS


@TASK_UTILS.register_module()
class WindowAssigner(BaseAssigner):
    """Assign to each window the object that it is centered on and fits, or background, or neither.

    Args:
        canonical_side: Longer side of an object that fits best, in window sides.
        center_positive, center_negative: Largest distance of the centers along x and along y, in window sides, of a
            positive window, and least distance (along either axis) at which a window is negative for the object.
        scale_positive, scale_negative: The same for the longer side over the canonical one, as a factor in both
            directions.  With levels a factor 2 apart, 2^(1/2) leaves no gap.
        open_ended: An object smaller than the smallest windows' canonical side counts as canonical there, and one
            larger than the largest windows' counts as canonical there if it is no larger than the window.  For fixed
            levels; an image pyramid needs it not.
    """

    def __init__(self,
                 *,
                 canonical_side: float = 128 / 224,
                 center_positive: float = 16 / 224,
                 center_negative: float = 32 / 224,
                 scale_positive: float = 2**0.25,
                 scale_negative: float = 2.0,
                 open_ended: bool = False) -> None:
        if not 0 < center_positive <= center_negative:
            raise ValueError(f'WindowAssigner: center_positive={center_positive} must lie in (0, center_negative='
                             f'{center_negative}]; a window cannot be positive and negative at once')
        if not 1 <= scale_positive <= scale_negative:
            raise ValueError(f'WindowAssigner: scale_positive={scale_positive} must lie in [1, scale_negative='
                             f'{scale_negative}]; a window cannot be positive and negative at once')
        self.canonical_side = canonical_side
        self.center_positive, self.center_negative = center_positive, center_negative
        self.scale_positive, self.scale_negative = scale_positive, scale_negative
        self.open_ended = open_ended

    def assign(self,
               pred_instances: InstanceData,
               gt_instances: InstanceData,
               gt_instances_ignore: InstanceData | None = None,
               **kwargs: Any) -> AssignResult:
        """Assign the square windows ``pred_instances.priors`` (M, 4).

        Objects are given by ``bboxes`` (G, 4).  Of several fitting objects the one with the nearest center is taken.
        A window that is not negative for an object to be ignored is not used.

        Returns:
            ``gt_inds`` (M,): -1 unused, 0 negative, g + 1 positive for object g; ``max_overlaps`` (M,): 1 for
            positives; ``labels`` (M,): 0 for positives, else -1 (class-agnostic).
        """
        windows = pred_instances.priors.float()
        gt_inds = windows.new_zeros(len(windows), dtype=torch.long)
        boxes = gt_instances.bboxes.float().reshape(-1, 4).to(windows.device)
        if len(boxes) and len(windows):
            distance, factor = self._compare(windows, boxes)
            gt_inds[self._near(distance, factor)] = -1
            fits = (distance <= self.center_positive) & (factor <= self.scale_positive)
            nearest, chosen = distance.masked_fill(~fits, torch.inf).min(dim=1)
            positive = nearest < torch.inf
            gt_inds[positive] = chosen[positive] + 1
        if gt_instances_ignore is not None and len(gt_instances_ignore) and len(windows):
            ignored = gt_instances_ignore.bboxes.float().reshape(-1, 4).to(windows.device)
            near = self._near(*self._compare(windows, ignored))
            gt_inds[near & (gt_inds == 0)] = -1
        positive = gt_inds > 0
        return AssignResult(len(boxes), gt_inds, positive.float(), labels=positive.long() - 1)

    def _compare(self, windows: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Distance of the centres (M, G) in window sides and factor >= 1 (M, G) from the canonical side."""
        side = (windows[:, 2] - windows[:, 0])[:, None]  # (M, 1)
        centers = (windows[:, None, :2] + windows[:, None, 2:] - boxes[:, :2] - boxes[:, 2:]) / 2  # (M, G, 2)
        distance = centers.abs().amax(dim=2) / side
        longer = (boxes[:, 2:] - boxes[:, :2]).amax(dim=1).clamp(min=1e-3)  # (G,)
        ratio = longer / (side * self.canonical_side)
        if self.open_ended:
            ratio = torch.where(side <= side.min() * 1.001, ratio.clamp(min=1), ratio)
            ratio = torch.where((side >= side.max() * 0.999) & (longer <= side), ratio.clamp(max=1), ratio)
        return distance, torch.maximum(ratio, 1 / ratio)

    def _near(self, distance: Tensor, factor: Tensor) -> Tensor:
        """Windows (M,) that are not negative for every object."""
        return ((distance < self.center_negative) & (factor < self.scale_negative)).any(dim=1)
