"""MaskLab's RoI head: a stock box branch, and a mask branch that reads whole maps.

Paper: "MaskLab: Instance Segmentation by Refining Object Detection with Semantic and Direction Features",
https://arxiv.org/abs/1712.04837.

Shapes: B images, N RoIs (batch index, x1, y1, x2, y2 in input-image pixels), K classes, n x n points of a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.roi_heads.standard_roi_head import StandardRoIHead
from mmdet.models.utils import empty_instances
from mmdet.structures.bbox import bbox2roi, get_box_tensor
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

from mmseg_plugins.models.postprocess import paste_corner_masks
from mmseg_plugins.models.roi_heads.mask_heads.masklab_mask_head import MaskLabMaskHead, MaskLogits
from mmseg_plugins.models.task_modules.corner_mask_target import corner_mask_targets
from mmseg_plugins.registry import MODELS

MASK_CHUNK = 100  # boxes whose masks are predicted at a time


@MODELS.register_module()
class MaskLabRoIHead(StandardRoIHead):
    """Box branch of the stock head on chosen maps; masks of ground-truth boxes in training, of detections in tests.

    .. code-block:: none

        maps[bbox_in_indices] -> bbox_roi_extractor -> shared_head (the duplicate conv5) -> bbox_head
        maps ------------------> mask_head (boxes with labels)

    Only ground-truth boxes train the mask branch, as in the paper: a point's direction to the center means little in a
    box that misses its object.

    Args:
        bbox_in_indices: Which maps the box branch pools from; the first ``num_inputs`` by default.
        shared_head: For the box branch alone; ``ResLayer`` makes the paper's duplicate conv5.
        mask_head: A ``MaskLabMaskHead``; there is no ``mask_roi_extractor``, it crops by itself.
        kwargs: Those of ``StandardRoIHead``.

    ``train_cfg.rcnn.max_masks_per_img`` (default: all) limits the objects that train the mask branch, drawn anew each
    step, which bounds time and memory where images hold hundreds; ``soft_mask_target`` keeps interpolated targets.
    ``test_cfg.rcnn.mask_chunk`` (default 100) is the number of boxes whose masks are predicted at a time.

    Raises:
        ValueError: a part that does not fit, or maps that are not as the parts say; both sides are named.
    """

    def __init__(self, *, bbox_in_indices: Sequence[int] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not self.with_bbox:
            return
        num = self.bbox_roi_extractor.num_inputs
        self.bbox_in_indices = list(range(num)) if bbox_in_indices is None else list(bbox_in_indices)
        if len(self.bbox_in_indices) != num:
            raise ValueError(
                f'MaskLabRoIHead: bbox_in_indices={self.bbox_in_indices} names {len(self.bbox_in_indices)} maps, but '
                f'bbox_roi_extractor has {num} featmap_strides={self.bbox_roi_extractor.featmap_strides}')
        if self.with_shared_head:
            reads = next(m.in_channels for m in self.shared_head.modules() if isinstance(m, nn.Conv2d))
            gives = self.bbox_roi_extractor.out_channels
            if reads != gives:
                raise ValueError(f'MaskLabRoIHead: shared_head {type(self.shared_head).__name__} reads {reads} '
                                 f'channels, but bbox_roi_extractor gives out_channels={gives}')

    def init_mask_head(self, mask_roi_extractor: dict | None, mask_head: dict) -> None:
        """Build the mask head; see ``Raises`` of the class."""
        if mask_roi_extractor is not None:
            raise ValueError(f"MaskLabRoIHead: mask_roi_extractor={mask_roi_extractor.get('type')!r} was given, but "
                             'its mask head crops whole maps by itself; set mask_roi_extractor=None')
        self.mask_head = MODELS.build(mask_head)
        if not isinstance(self.mask_head, MaskLabMaskHead):
            raise ValueError(f'MaskLabRoIHead hands whole maps to its mask head, but {type(self.mask_head).__name__} '
                             'reads pooled features; use mmseg_plugins.MaskLabMaskHead, or mmdet.StandardRoIHead')

    def forward(self,
                x: Sequence[Tensor],
                rpn_results_list: list[InstanceData],
                batch_data_samples: Any = None) -> tuple[Tensor, ...]:
        """Raw outputs: scores, deltas and, of the first 100 proposals under their best class, mask logits."""
        rois = bbox2roi([result.bboxes for result in rpn_results_list])
        boxes = self._bbox_forward(x, rois)
        outputs = (boxes['cls_score'], boxes['bbox_pred'])
        if not self.with_mask:
            return outputs
        labels = boxes['cls_score'][:100, :self.mask_head.num_classes].argmax(1)
        return (*outputs, self.mask_head(x, rois[:100], labels).final)

    def loss(self, x: Sequence[Tensor], rpn_results_list: list[InstanceData], batch_data_samples: list) -> dict:
        """Losses of both branches; see ``StandardRoIHead.loss``."""
        if self.with_mask:
            self.mask_head.check_maps(x, batch_data_samples[0].metainfo['batch_input_shape'])
        return super().loss(x, rpn_results_list, batch_data_samples)

    def _bbox_forward(self, x: Sequence[Tensor], rois: Tensor) -> dict[str, Tensor]:
        """Box branch on its own maps."""
        extractor = self.bbox_roi_extractor
        got = [feat.size(1) for feat in x]
        if not all(0 <= i < len(x) and got[i] == extractor.out_channels for i in self.bbox_in_indices):
            raise ValueError(
                f'MaskLabRoIHead: bbox_in_indices={self.bbox_in_indices} and out_channels={extractor.out_channels} of '
                f'the box RoI extractor, but the neck (or the backbone) gives {len(x)} maps with {got} channels')
        feats = extractor(tuple(x[i] for i in self.bbox_in_indices), rois)
        if self.with_shared_head:
            feats = self.shared_head(feats)
        wanted = (self.bbox_head.in_channels, *_pair(self.bbox_head.roi_feat_size))
        given = feats.shape[-3:] if hasattr(self.bbox_head, 'num_levels') else feats.shape[1:]  # a map a level, or one
        if tuple(given) != wanted:  # stock heads would pool a corner of a larger crop without a word
            raise ValueError(f'MaskLabRoIHead: bbox_head wants in_channels and roi_feat_size {wanted}, but its '
                             f'extractor (and shared_head) give {tuple(given)}; correct one of them')
        cls_score, bbox_pred = self.bbox_head(feats)
        return dict(cls_score=cls_score, bbox_pred=bbox_pred, bbox_feats=feats)

    def mask_loss(self, x: Sequence[Tensor], sampling_results: list, bbox_feats: Tensor,
                  batch_gt_instances: list[InstanceData]) -> dict:
        """Losses of the masks of ground-truth boxes; without any they are zero and still reach every parameter."""
        limit = self.train_cfg.get('max_masks_per_img')
        soft = self.train_cfg.get('soft_mask_target', False)
        boxes, labels, targets = [], [], []
        for gt in batch_gt_instances:
            gt_boxes, gt_labels, masks = get_box_tensor(gt.bboxes), gt.labels, gt.masks
            if limit is not None and len(gt_boxes) > limit:
                keep = torch.randperm(len(gt_boxes))[:limit]
                masks = masks[keep.numpy()]
                gt_boxes, gt_labels = gt_boxes[keep.to(gt_boxes.device)], gt_labels[keep.to(gt_labels.device)]
            boxes.append(gt_boxes)
            labels.append(gt_labels)
            targets.append(corner_mask_targets(masks, gt_boxes, self.mask_head.mask_size, soft))
        logits: MaskLogits = self.mask_head(x, bbox2roi(boxes), torch.cat(labels))
        return dict(loss_mask=self.mask_head.loss(logits, torch.cat(targets)))

    def predict_mask(self,
                     x: Sequence[Tensor],
                     batch_img_metas: list[dict],
                     results_list: list[InstanceData],
                     rescale: bool = False) -> list[InstanceData]:
        """Add ``masks`` (n, H, W), bool, to the detections of each image; see ``StandardRoIHead.predict_mask``."""
        self.mask_head.check_maps(x, batch_img_metas[0]['batch_input_shape'])
        rois = bbox2roi([result.bboxes for result in results_list])
        if rois.size(0) == 0:
            return empty_instances(
                batch_img_metas, rois.device, task_type='mask', instance_results=results_list,
                mask_thr_binary=self.test_cfg.mask_thr_binary)
        labels = torch.cat([result.labels for result in results_list])
        step = self.test_cfg.get('mask_chunk', MASK_CHUNK)
        probability = torch.cat([
            self.mask_head(x, rois[start:start + step], labels[start:start + step]).final[:, 0].float().sigmoid()
            for start in range(0, len(rois), step)
        ])
        for result, masks, meta in zip(
                results_list, probability.split([len(result) for result in results_list]), batch_img_metas,
                strict=True):
            result.masks, result.bboxes = self._paste(masks, result.bboxes, meta, self.test_cfg, rescale)
        return results_list

    @staticmethod
    def _paste(masks: Tensor, boxes: Tensor, meta: dict, cfg: ConfigDict, rescale: bool) -> tuple[Tensor, Tensor]:
        """Masks in an image, and boxes in its pixels: those of the original image with ``rescale``."""
        height, width = meta['ori_shape'][:2]
        scale_w, scale_h = meta['scale_factor']
        if rescale:
            boxes = boxes / boxes.new_tensor([scale_w, scale_h, scale_w, scale_h])
        else:
            height, width = round(height * float(scale_h)), round(width * float(scale_w))
        return paste_corner_masks(masks, boxes, (height, width), cfg.mask_thr_binary), boxes
