"""Online hard example mining by a head's whole loss.

Paper: "Training Region-based Object Detectors with Online Hard Example Mining", https://arxiv.org/abs/1604.03540, as
FCIS applies it: https://github.com/msracver/FCIS/blob/309f6c9a1669bf05a955b66519a807951e70197f/fcis/operator_py/box_annotator_ohem.py

Stock ``OHEMSampler`` ranks positives and negatives apart, by the class loss alone, and asks a ``bbox_head`` for it.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from mmdet.models.task_modules.assigners import AssignResult
from mmdet.models.task_modules.samplers import BaseSampler
from torch import Tensor

from mmseg_plugins.registry import TASK_UTILS


@runtime_checkable
class LossMiner(Protocol):
    """A sampler that leaves the last choice to the head's loss."""

    num_hard: int

    def mine(self, loss: Tensor) -> Tensor:
        """Indices of the RoIs of one image that stay, by their losses (N,)."""
        ...


@TASK_UTILS.register_module()
class JointLossOHEMSampler(BaseSampler):
    """Two steps: ``sample`` takes every RoI that is positive or negative, ``mine`` keeps the hardest of an image.

    Args:
        num: RoIs per image that enter the loss; FCIS: 128.
        add_gt_as_proposals: Whether the objects' own boxes are candidates.
        context: The RoI head, which hosts hand to every sampler; not read.
    """

    def __init__(self, num: int, add_gt_as_proposals: bool = True, context: Any = None) -> None:
        if num < 1:
            raise ValueError(f'JointLossOHEMSampler: num={num}, it must be at least 1')
        super().__init__(num=2**31, pos_fraction=1.0, add_gt_as_proposals=add_gt_as_proposals)
        self.num_hard = num

    def _sample_pos(self, assign_result: AssignResult, num_expected: int, **kwargs: Any) -> Tensor:
        """Every RoI with an object."""
        return (assign_result.gt_inds > 0).nonzero()[:, 0]

    def _sample_neg(self, assign_result: AssignResult, num_expected: int, **kwargs: Any) -> Tensor:
        """Every background RoI."""
        return (assign_result.gt_inds == 0).nonzero()[:, 0]

    @torch.no_grad()
    def mine(self, loss: Tensor) -> Tensor:
        """Indices of the ``num`` largest of ``loss`` (N,), ascending; of equal ones the first."""
        hardest = loss.argsort(descending=True, stable=True)[:self.num_hard]
        return hardest.sort().values
