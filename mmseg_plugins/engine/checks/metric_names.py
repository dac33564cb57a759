"""Which numbers a validation will report, as far as a config tells: what ``save_best`` may name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: Numbers of mmseg's ``IoUMetric`` for each of its ``iou_metrics``.
_IOU = {'mIoU': ('mIoU', 'mAcc'), 'mDice': ('mDice', 'mAcc'), 'mFscore': ('mFscore', 'mPrecision', 'mRecall')}
_SIZES = ('s', 'm', 'l')
_AP = ('mAP', 'mAP_50', 'mAP_75', *(f'mAP_{size}' for size in _SIZES))
#: Write predictions to a file and report nothing.
_SILENT = ('DumpResults', 'DumpDetResults', 'DumpProposals')


def reported_metrics(evaluator: Any) -> list[str] | None:
    """Names of all numbers of an evaluator's config; None where one of its metrics is not known here.

    Example: ``dict(type='CocoMetric', metric='segm')`` gives ``coco/segm_mAP``, ``coco/segm_mAP_50``, ...
    """
    names: list[str] = []
    for metric in evaluator if isinstance(evaluator, (list, tuple)) else [evaluator]:
        kind = str(metric.get('type')).rsplit('.', 1)[-1] if isinstance(metric, Mapping) else ''
        if kind in _SILENT:
            continue
        if kind not in _KNOWN or metric.get('classwise') or metric.get('format_only'):
            return None
        default, numbers = _KNOWN[kind]
        prefix = default if metric.get('prefix') is None else metric['prefix']
        names += [f'{prefix}/{name}' if prefix else name for name in numbers(metric)]
    return names


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, (str, int, float)) else list(value)


def _coco(metric: Mapping[str, Any]) -> list[str]:
    numbers: Sequence[int] = metric.get('proposal_nums', (100, 300, 1000))
    names: list[str] = []
    for kind in _listed(metric.get('metric', 'bbox')):
        if kind in ('proposal', 'proposal_fast'):
            names += [f'AR@{number}' for number in numbers]
            names += [f'AR_{size}@{numbers[-1]}' for size in _SIZES if kind == 'proposal']
        else:
            names += [f'{kind}_{item}' for item in metric.get('metric_items') or _AP]
    return names


def _mask_recall(metric: Mapping[str, Any]) -> list[str]:
    numbers: Sequence[int] = metric.get('proposal_nums', (10, 100, 1000))
    kinds = _listed(metric.get('metric', 'segm'))
    recalls = [f'AR@{number}' for number in numbers] + [f'AR_{size}@{max(numbers)}' for size in _SIZES]
    return [f'{kind}_{item}' for kind in kinds for item in _AP] + (recalls if 'segm' in kinds else [])


def _iou(metric: Mapping[str, Any]) -> list[str]:
    chosen = _listed(metric.get('iou_metrics', ['mIoU']))
    return list(dict.fromkeys(['aAcc', *(name for kind in chosen for name in _IOU.get(kind, ()))]))


def _panoptic(metric: Mapping[str, Any]) -> list[str]:
    return [f'{name}{part}' for part in ('', '_th', '_st') for name in ('PQ', 'SQ', 'RQ')]


def _foreground(metric: Mapping[str, Any]) -> list[str]:
    return ['IoU', 'precision', 'recall']


def _instance_voc(metric: Mapping[str, Any]) -> list[str]:
    return [f'mAPr_{100 * threshold:g}' for threshold in _listed(metric.get('iou_thrs', (0.5, 0.7)))]


_KNOWN: dict[str, tuple[str, Callable[[Mapping[str, Any]], list[str]]]] = {
    'CocoMetric': ('coco', _coco),
    'FastCocoMetric': ('coco', _coco),
    'MaskRecallMetric': ('coco', _mask_recall),
    'IoUMetric': ('', _iou),
    'SemanticIoUMetric': ('', _iou),
    'ForegroundIoUMetric': ('foreground', _foreground),
    'CocoPanopticMetric': ('coco_panoptic', _panoptic),
    'PanopticQualityMetric': ('coco_panoptic', _panoptic),
    'MultiLabelMetric': ('labels', lambda metric: ['mAP', 'exact', 'F1']),
    'InstanceVOCMetric': ('sds', _instance_voc),
}
