"""COCO's panoptic metric without ``panopticapi``, temporary PNG files or processes."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.fileio import get, get_local_path
from mmengine.logging import print_log
from terminaltables import AsciiTable

from mmseg_plugins.evaluation.panoptic_quality import count_overlaps, match_segments, mean_quality, qualities
from mmseg_plugins.registry import METRICS
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.structures.panoptic_ids import decode_ids
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean, near_names

INSTANCE_OFFSET = 1000  # a predicted pixel is class + 1000 * instance, mmdet.evaluation.functional.INSTANCE_OFFSET


@METRICS.register_module()
class PanopticQualityMetric(BaseMetric):
    """``mmdet.CocoPanopticMetric`` with its main arguments, its keys and its numbers.

    Images are evaluated as they come; only (classes, 4) counts an image are kept.  Keys: ``PQ``, ``SQ``, ``RQ``, and
    the same with ``_th`` (things) and ``_st`` (stuff), in percent; with ``classwise`` also ``<class>_PQ``.

    Args:
        ann_file: COCO panoptic JSON.
        seg_prefix: folder of its PNG files.
        classwise: whether a table of the classes is printed and their PQ returned.
        backend_args: of mmengine's file backend.

    Raises:
        UserError: classes that the JSON spells otherwise, or of which it has none, an image that it does not list, or
            no ``pred_panoptic_seg`` in the predictions.
    """

    default_prefix = 'coco_panoptic'

    def __init__(self, ann_file: str, seg_prefix: str, classwise: bool = False, backend_args: dict | None = None,
                 collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.ann_file = ann_file
        self.seg_prefix = seg_prefix
        self.classwise = classwise
        self.backend_args = backend_args
        with get_local_path(ann_file, backend_args=backend_args) as path:
            content = read_coco(path).content
        self.categories = {item['id']: item for item in content['categories']}
        self.annotations = {item['image_id']: item for item in content['annotations']}
        self._labels: dict[int, int] | None = None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Match the segments of each sample: ``img_id`` and ``pred_panoptic_seg.sem_seg`` (1, H, W)."""
        labels = self._match_classes()
        number = len(self.dataset_meta['classes'])
        for sample in data_samples:
            if 'pred_panoptic_seg' not in sample:
                raise UserError(
                    'the model gives no pred_panoptic_seg.',
                    fix='model.test_cfg.panoptic_on=True, or another metric',
                )
            annotation = self.annotations.get(sample['img_id'])
            if annotation is None:
                raise UserError(
                    f'{self.ann_file} has no annotation of image id {sample["img_id"]}.',
                    fix='the same JSON in val_evaluator and val_dataloader',
                )
            segments = [item for item in annotation['segments_info'] if item['category_id'] in labels]
            place = osp.join(self.seg_prefix, annotation['file_name'])
            predicted = np.asarray(sample['pred_panoptic_seg']['sem_seg'].cpu())[0]
            overlaps = count_overlaps(decode_ids(get(place, backend_args=self.backend_args), place), predicted)
            found = overlaps.predicted_area
            self.results.append(match_segments(
                overlaps,
                {item['id']: labels[item['category_id']] for item in segments},
                frozenset(item['id'] for item in segments if item.get('iscrowd')),
                {value: value % INSTANCE_OFFSET for value in found if value % INSTANCE_OFFSET < number},
                number))  # fmt: skip

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Names and values in percent."""
        labels = self._match_classes()
        counts = np.sum(results, axis=0)
        things = np.zeros(len(counts), bool)
        for category, label in labels.items():
            things[label] = bool(self.categories[category].get('isthing', 1))
        groups = {'': np.ones(len(counts), bool), '_th': things, '_st': ~things}
        values = {}
        for suffix, chosen in groups.items():
            for name, value in zip(('PQ', 'SQ', 'RQ'), mean_quality(counts[chosen]), strict=True):
                values[name + suffix] = 100 * float(value)
        classes = self.dataset_meta['classes']
        each = 100 * qualities(counts)
        if self.classwise:
            values.update({f'{name}_PQ': float(row[0]) for name, row in zip(classes, each, strict=True)})
            _print('panoptic quality of the classes', dict(zip(classes, each, strict=True)))
        rows = {name: np.array([values[key + suffix] for key in ('PQ', 'SQ', 'RQ')])
                for name, suffix in (('all', ''), ('things', '_th'), ('stuff', '_st'))}
        _print('panoptic quality', rows)
        return values

    def _match_classes(self) -> dict[int, int]:
        """Category id -> label, matched by name."""
        if self._labels is None:
            names = {item['name']: key for key, item in self.categories.items()}
            classes = self.dataset_meta['classes']
            unknown = [name for name in classes if name not in names]
            # A file may lack a class, as any file of a split; one of another spelling, or all, is a mistake.
            unused = [name for name in names if name not in classes]
            if len(unknown) == len(classes) or any(near_names(name, unused) for name in unknown):
                wrong = ', '.join(f'{name!r}{did_you_mean(name, list(names))}' for name in unknown)
                raise UserError(
                    f'classes that are no category of {self.ann_file}: {wrong}. Its categories are {list(names)}.',
                    fix='use the same names in both, things first',
                )
            self._labels = {names[name]: label for label, name in enumerate(classes) if name in names}
        return self._labels


def _print(title: str, rows: dict[str, np.ndarray]) -> None:
    cells = [['', 'PQ', 'SQ', 'RQ'], *([name, *(f'{value:.1f}' for value in row)] for name, row in rows.items())]
    print_log(f'{title}\n{AsciiTable(cells).table}', logger='current')
