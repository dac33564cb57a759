"""Metrics of the semantic and of the object level, for the samples of mmdet and of mmseg alike.

Shapes: H x W pixels of the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.evaluation import IoUMetric
from torch import Tensor

from mmseg_plugins.evaluation.panoptic_metric import INSTANCE_OFFSET
from mmseg_plugins.registry import METRICS
from mmseg_plugins.utils.errors import UserError

IGNORE = 255  # true pixels that are not evaluated
_LOADER = 'a loading step with with_seg=True (mmseg_plugins.LoadPanopticAnnotations) after Resize in the test pipeline'


@METRICS.register_module()
class SemanticIoUMetric(IoUMetric):
    """``mmseg.IoUMetric``, the same arguments, keys and numbers, also for the samples of mmdet.

    Where a model gives panoptic maps and no semantic ones, the class of each segment's pixels is evaluated; a void
    pixel counts as wrong.

    Raises:
        UserError: no label map in the predictions or in the ground truth, or two of different sizes.
    """

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Count the pixels of each sample's ``pred_sem_seg`` and ``gt_sem_seg``."""
        super().process(data_batch, [with_label_maps(sample, not self.format_only) for sample in data_samples])


def with_label_maps(sample: Mapping[str, Any], with_truth: bool = True) -> dict[str, Any]:
    """The sample with ``pred_sem_seg.data`` and ``gt_sem_seg.data`` (1, H, W), which mmdet calls ``sem_seg``."""
    found = _map(sample, 'pred_sem_seg')
    if found is None:
        panoptic = _map(sample, 'pred_panoptic_seg')
        if panoptic is None:
            raise UserError(f'the model gives {_kinds(sample, "pred_")} and no label map (pred_sem_seg).',
                            fix='model.test_cfg.semantic_on=True with mmseg_plugins.FourLevelMask2Former, or a model '
                            'of panoptic maps')
        found = panoptic % INSTANCE_OFFSET
    if not with_truth:
        return {**sample, 'pred_sem_seg': {'data': found}}
    truth = _map(sample, 'gt_sem_seg')
    if truth is None:
        raise UserError(f'the samples hold {_kinds(sample, "gt_")} and no gt_sem_seg to compare label maps with.',
                        fix=_LOADER)
    _same_size(found, truth, 'label map')
    return {**sample, 'pred_sem_seg': {'data': found}, 'gt_sem_seg': {'data': truth}}


@METRICS.register_module()
class ForegroundIoUMetric(BaseMetric):
    """How well the pixels of all objects together are found, whatever their classes and borders.

    Keys ``IoU``, ``precision`` and ``recall`` in percent, over the pixels of all images; 0 where a share has no pixel
    to count.  Example: 6 true pixels of objects, 4 found, 3 of them true: IoU 3/7, precision 3/4, recall 3/6.

    The prediction is ``pred_foreground``; else the things of ``pred_panoptic_seg``; else the masks of
    ``pred_instances`` with a score of at least ``score_thr``.  The ground truth is the things of ``gt_sem_seg``
    (classes in ``thing_classes`` of the data set; 255 is left out), else the masks of ``gt_instances`` together.

    Args:
        score_thr: least score of an instance, in 0..1.

    Raises:
        UserError: none of these in the samples; maps of different sizes; ``gt_sem_seg`` without ``thing_classes``.
    """

    default_prefix = 'foreground'

    def __init__(self, *, score_thr: float = 0.5, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if not 0 <= score_thr <= 1:
            raise UserError(f'ForegroundIoUMetric: score_thr={score_thr} must lie in 0..1.', fix='score_thr=0.5')
        self.score_thr = score_thr

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Count true, found and shared pixels of each sample."""
        for sample in data_samples:
            found = self._found(sample)
            truth, known = self._truth(sample)
            _same_size(found, truth, 'object map')
            found, truth = found.to(truth.device)[known], truth[known]
            self.results.append((int((found & truth).sum()), int(found.sum()), int(truth.sum())))

    def compute_metrics(self, results: list[tuple[int, int, int]]) -> dict[str, float]:
        """Names and values in percent."""
        shared, found, truth = (sum(column) for column in zip(*results, strict=True))
        wholes = {'IoU': found + truth - shared, 'precision': found, 'recall': truth}
        values = {name: 100 * shared / whole if whole else 0.0 for name, whole in wholes.items()}
        print_log('foreground: ' + ', '.join(f'{name} {value:.1f}' for name, value in values.items()), logger='current')
        return values

    def _found(self, sample: Mapping[str, Any]) -> Tensor:
        """Predicted objects (1, H, W), bool."""
        found = _map(sample, 'pred_foreground')
        if found is not None:
            return found.bool()
        panoptic = _map(sample, 'pred_panoptic_seg')
        if panoptic is not None:
            classes = panoptic % INSTANCE_OFFSET
            return (panoptic >= INSTANCE_OFFSET) & (classes < len((self.dataset_meta or {}).get('classes') or ()))
        instances = sample.get('pred_instances') or {}
        if 'masks' in instances:
            return torch.as_tensor(instances['masks'])[instances['scores'] >= self.score_thr].any(0, keepdim=True)
        raise UserError(f'the model gives {_kinds(sample, "pred_")} and no objects (pred_foreground, '
                        'pred_panoptic_seg or masks).', fix='model.test_cfg.foreground_on=True with '
                        'mmseg_plugins.FourLevelMask2Former, or a model with masks')

    def _truth(self, sample: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
        """True objects and the pixels that count, both (1, H, W), bool."""
        labels = _map(sample, 'gt_sem_seg')
        if labels is not None:
            meta = self.dataset_meta or {}
            things = meta.get('thing_classes')
            if not things:
                raise UserError('the data set says not which classes are things.',
                                fix='metainfo=dict(classes=..., thing_classes=...) in the data set')
            indices = [index for index, name in enumerate(meta['classes']) if name in set(things)]
            return torch.isin(labels, torch.tensor(indices, device=labels.device)), labels != IGNORE
        instances = sample.get('gt_instances') or {}
        if 'masks' not in instances:
            raise UserError(f'the samples hold {_kinds(sample, "gt_")} and no true objects.', fix=_LOADER)
        masks = instances['masks']
        dense = torch.as_tensor(masks.to_ndarray() if hasattr(masks, 'to_ndarray') else masks).bool()
        truth = dense.any(0, keepdim=True)
        return truth, torch.ones_like(truth)


def _map(sample: Mapping[str, Any], key: str) -> Tensor | None:
    """The map (1, H, W) of a sample's ``PixelData`` as a dict, which mmseg calls ``data`` and mmdet ``sem_seg``."""
    value = sample.get(key)
    if value is None:
        return None
    array = torch.as_tensor(value['data'] if 'data' in value else value['sem_seg'])
    return array.reshape(1, *array.shape[-2:])


def _kinds(sample: Mapping[str, Any], prefix: str) -> str:
    return ', '.join(sorted(key for key in sample if key.startswith(prefix))) or 'nothing'


def _same_size(found: Tensor, truth: Tensor, what: str) -> None:
    if found.shape != truth.shape:
        sizes = [' x '.join(map(str, one.shape[-2:])) for one in (found, truth)]
        raise UserError(f'the predicted {what} is {sizes[0]}, the true one {sizes[1]}.',
                        rule='both must be the size of the original image.',
                        fix='load the annotations after Resize in the test pipeline')
