"""A region proposal network that reads some of the maps: conv4 alone, while the RoI head reads conv5.

Stock ``RPNHead`` reads every map that backbone and neck give, and mmdet's two-stage detector gives RPN and RoI head the
same ones.  Original setting: https://github.com/msracver/FCIS/blob/309f6c9a1669bf05a955b66519a807951e70197f/fcis/symbols/resnet_v1_101_fcis.py

Shapes: B images, L maps, A anchors a position.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.dense_heads import RPNHead
from mmdet.models.task_modules.coders import LegacyDeltaXYWHBBoxCoder
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.models.task_modules import InclusiveDeltaXYWHBBoxCoder
from mmseg_plugins.registry import MODELS
from mmseg_plugins.structures.boxes import BoxMode, box_mode_of


@MODELS.register_module()
class LevelRPNHead(RPNHead):
    """Stock RPN on chosen maps, with a choice of how boxes count their pixels.

    Outputs are float32 under autocast as well: neither anchors nor mmcv's NMS can do with fewer bits.

    Args:
        in_levels: Index of each map to be read, in the order of ``anchor_generator.strides``; ``None`` reads all.
        box_mode: ``'half_open'`` leaves the objects' boxes as mmdet has them, and takes any stock
            ``bbox_coder``.  ``'inclusive'`` takes a pixel off their right and lower edge, so that proposals have
            inclusive corners; it needs ``InclusiveDeltaXYWHBBoxCoder``, and is meant for ``RoundedAnchorGenerator``
            and ``InclusiveOverlaps``.
        max_per_batch: Proposals that training hands to the RoI head, for all images of a GPU together: the best of
            all, as in Detectron and PANet, so that an image with better scores has more.  ``None``: as many an image
            as ``rpn_proposal.max_per_img`` says.  Tests are not changed.
        convention: Former name of ``box_mode``; its value is a fork of FCIS (``structures.boxes.FORKS``).
        others: As stock.

    Raises:
        ValueError: ``box_mode`` and ``bbox_coder`` count pixels differently; maps that do not fit the arguments;
            ``max_per_batch`` below 1.
    """

    def __init__(self,
                 in_channels: int,
                 in_levels: Sequence[int] | None = None,
                 box_mode: str = 'half_open',
                 max_per_batch: int | None = None,
                 convention: str | None = None,
                 **kwargs: Any) -> None:
        mode = box_mode_of(box_mode, 'LevelRPNHead', convention)
        super().__init__(in_channels, **kwargs)
        self.in_levels = in_levels
        self.box_mode = mode
        if max_per_batch is not None and max_per_batch < 1:
            raise ValueError(f'LevelRPNHead: max_per_batch={max_per_batch}. Rule: at least 1, or None. Fix: leave it '
                             'out')
        self.max_per_batch = max_per_batch
        self._check_coder()
        strides = self.prior_generator.num_levels
        if in_levels is not None and len(in_levels) != strides:
            raise ValueError(f'LevelRPNHead: in_levels={list(in_levels)} names {len(in_levels)} maps, but '
                             f'anchor_generator.strides has {strides} entries; give one stride a map')

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Give class logits (B, A, H_l, W_l) and deltas (B, 4 A, H_l, W_l) of each chosen map."""
        scores, deltas = super().forward(self._chosen(x))
        return [s.float() for s in scores], [d.float() for d in deltas]

    def loss_and_predict(self,
                         x: tuple[Tensor, ...],
                         batch_data_samples: list[DetDataSample],
                         proposal_cfg: ConfigDict | None = None) -> tuple[dict, list[InstanceData]]:
        """Stock losses and proposals of a training step, these cut to ``max_per_batch``."""
        losses, proposals = super().loss_and_predict(x, batch_data_samples, proposal_cfg)
        return losses, proposals if self.max_per_batch is None else best_of_batch(proposals, self.max_per_batch)

    def loss_by_feat(self,
                     cls_scores: list[Tensor],
                     bbox_preds: list[Tensor],
                     batch_gt_instances: list[InstanceData],
                     batch_img_metas: list[dict],
                     batch_gt_instances_ignore: list[InstanceData | None] | None = None) -> dict:
        """Stock losses, against boxes of the configured mode, ignored ones included."""
        ignored = batch_gt_instances_ignore
        return super().loss_by_feat(
            cls_scores, bbox_preds, [self._counted(gt) for gt in batch_gt_instances], batch_img_metas,
            ignored and [one if one is None else self._counted(one) for one in ignored])

    def _counted(self, objects: InstanceData) -> InstanceData:
        """Boxes, and labels where there are some, by the mode."""
        counted = InstanceData(bboxes=self.box_mode.from_half_open(objects.bboxes))
        if 'labels' in objects:
            counted.labels = objects.labels
        return counted

    def _check_coder(self) -> None:
        """``ValueError`` when the box coder counts pixels in another way than the mode."""
        inclusive = self.box_mode is BoxMode.INCLUSIVE
        counts = isinstance(self.bbox_coder, InclusiveDeltaXYWHBBoxCoder if inclusive else LegacyDeltaXYWHBBoxCoder)
        if counts != inclusive:
            name = type(self.bbox_coder).__name__
            raise ValueError(
                f"LevelRPNHead: box_mode='{self.box_mode.value}' and bbox_coder={name} count pixels differently, so "
                'that boxes would gain or lose a pixel. Fix: '
                "bbox_coder=dict(type='mmseg_plugins.InclusiveDeltaXYWHBBoxCoder') with box_mode='inclusive', "
                "mmdet's DeltaXYWHBBoxCoder with 'half_open'")

    def _chosen(self, x: Sequence[Tensor]) -> list[Tensor]:
        """The maps of ``in_levels``; ``ValueError`` when they are not there or of another width."""
        levels = range(len(x)) if self.in_levels is None else self.in_levels
        got = [tuple(f.shape[1:]) for f in x]
        if any(not -len(x) <= i < len(x) for i in levels):
            raise ValueError(f'LevelRPNHead: in_levels={list(levels)}, but backbone and neck give {len(x)} maps of '
                             f'(channels, h, w) = {got}; choose among 0..{len(x) - 1}, or extend their outputs')
        chosen = [x[i] for i in levels]
        if len(chosen) != self.prior_generator.num_levels:
            raise ValueError(f'LevelRPNHead: anchor_generator.strides has {self.prior_generator.num_levels} entries, '
                             f'but backbone and neck give {len(x)} maps; set in_levels, or one stride a map')
        if any(f.size(1) != self.in_channels for f in chosen):
            raise ValueError(f'LevelRPNHead: in_channels={self.in_channels}, but the maps {list(levels)} of backbone '
                             f'and neck have {[f.size(1) for f in chosen]} channels; set in_channels to that')
        return chosen


def best_of_batch(proposals: list[InstanceData], number: int) -> list[InstanceData]:
    """The ``number`` best of all images' proposals by ``scores``, still an image each and in their order.

    Example: scores .9, .5 of one image and .8, .7, .6 of another leave, of 3, one of the first and two of the second.
    Source: ``collect`` in facebookresearch/Detectron, detectron/ops/collect_and_distribute_fpn_rpn_proposals.py.
    """
    scores = torch.cat([one.scores for one in proposals])
    kept = torch.zeros_like(scores, dtype=torch.bool)
    kept[scores.topk(min(number, len(scores))).indices] = True
    return [one[mask] for one, mask in zip(proposals, kept.split([len(one) for one in proposals]), strict=True)]
