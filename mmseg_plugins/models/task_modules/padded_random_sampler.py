"""Random sampling that always fills its quota, as in FCIS's setting on VOC.

Source: ``sample_rois`` of https://github.com/msracver/FCIS/blob/309f6c9a1669bf05a955b66519a807951e70197f/fcis/operator_py/proposal_annotator.py
"""

from __future__ import annotations

from typing import Any

import torch
from mmdet.models.task_modules.assigners import AssignResult
from mmdet.models.task_modules.samplers import RandomSampler, SamplingResult
from mmdet.structures.bbox import cat_boxes
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.registry import TASK_UTILS


@TASK_UTILS.register_module()
class PaddedRandomSampler(RandomSampler):
    """``RandomSampler`` that fills short batches with background, so that every image has ``num`` RoIs.

    The filling is drawn from all RoIs but the objects in the batch: those that were assigned to nothing (IoU below the
    lower end of ``neg_iou_thr``), negatives that are in the batch already, and objects beyond the quota, which become
    background.  A round draws none twice; there are as many rounds as are needed, so that a RoI may come several times.
    RoIs that the assigner ignores because they lie in a crowd (``ignore_iof_thr``) are left out.  In an image without
    any object the stock assigner calls all RoIs background, those in crowds included.
    """

    def sample(self, assign_result: AssignResult, pred_instances: InstanceData, gt_instances: InstanceData,
               **kwargs: Any) -> SamplingResult:
        """Sample; see ``RandomSampler``.  ``neg_inds`` may hold an index several times."""
        result = super().sample(assign_result, pred_instances, gt_instances, **kwargs)
        filling = self._filling(assign_result, result)
        priors = pred_instances.priors
        if len(assign_result.gt_inds) > len(priors):  # stock puts the objects before the RoIs
            priors = cat_boxes([gt_instances.bboxes, priors])
        result.neg_inds = torch.cat([result.neg_inds, filling])
        result.neg_priors = priors[result.neg_inds]
        result.num_neg = max(len(result.neg_inds), 1)
        result.avg_factor = result.num_pos + result.num_neg
        return result

    def _filling(self, assign_result: AssignResult, result: SamplingResult) -> Tensor:
        """Indices (F,) of the RoIs that the batch lacks; none where there is no RoI to draw from."""
        missing = self.num - len(result.pos_inds) - len(result.neg_inds)
        allowed = assign_result.max_overlaps >= 0  # MaxIoUAssigner marks what lies in a crowd by -1
        allowed[result.pos_inds] = False
        pool = allowed.nonzero()[:, 0]
        rounds: list[Tensor] = [pool[:0]]
        while missing > 0 and len(pool):
            rounds.append(self.random_choice(pool, min(missing, len(pool))))
            missing -= len(rounds[-1])
        return torch.cat(rounds)
