"""mmdet's COCO metric, evaluated by faster-coco-eval where it is installed."""

from __future__ import annotations

import os.path as osp
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmdet.evaluation import CocoMetric
from mmengine.fileio import get_local_path
from mmengine.logging import print_log
from terminaltables import AsciiTable

from mmseg_plugins.datasets.coco_api import ids_by_name
from mmseg_plugins.evaluation.coco_backend import (
    CocoArrays,
    build_api,
    choose_backend,
    class_table,
    evaluate,
    prepare_ground_truth,
)
from mmseg_plugins.evaluation.proposal_recall import average_recalls
from mmseg_plugins.registry import METRICS
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.structures.rle import check_polygons, check_rle
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean, near_names

_AP_ITEMS = ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')
_AR_ITEMS = ('AR@100', 'AR@300', 'AR@1000', 'AR_s@1000', 'AR_m@1000', 'AR_l@1000')



@METRICS.register_module()
class FastCocoMetric(CocoMetric):
    """``mmdet.CocoMetric`` with the same arguments, keys and numbers, several times faster.

    Masks become RLE strings image by image in :meth:`process`, so that memory
    does not grow with the pixels of the set.  Beyond the host it

    * reports 0 instead of nothing when no object was detected, so that
      ``save_best`` finds its key;
    * keeps class names and per-class numbers together when the JSON's category
      ids are not ascending, and counts annotations with id 0 (two host bugs);
    * raises :class:`UserError` when classes, heads and JSON disagree, and
      on ground truth masks that would crash the C code;
    * drops predictions with NaN or infinite values, and says how many.

    Args:
        ann_file: COCO JSON; None uses the ground truth of the data samples.
        backend: ``auto``, ``faster-coco-eval`` or ``pycocotools``.
        sort_categories: order the categories by id, for Objects365.
        ignore_classes: compare objects whatever their class, for models that know none.  The rows of classes are empty.
        kwargs: all other arguments of ``mmdet.CocoMetric``; ``use_mp_eval`` has no effect.

    Attributes:
        class_rows: ``bbox`` and ``segm`` -> rows of ``class_table`` of the last evaluation.
    """

    def __init__(
        self, ann_file: str | None = None, *, backend: str = 'auto', sort_categories: bool = False,
        ignore_classes: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(ann_file=None, **kwargs)
        self.wanted_backend = backend
        self.sort_categories = sort_categories
        self.ignore_classes = ignore_classes
        self.backend: str | None = None
        self.class_rows: dict[str, list[tuple[str, ...]]] = {}
        choose_backend(backend, ())  # an unknown name or a missing package shows at the start
        if ann_file is not None:
            with get_local_path(ann_file, backend_args=self.backend_args) as path:
                self._load_ground_truth(path)

    def _load_ground_truth(self, path: str) -> None:
        self.take_ground_truth(read_coco(path).content, path)

    def take_ground_truth(self, content: dict[str, Any], path: str) -> None:
        """Evaluate against the content of a COCO file; ``path`` names it in messages."""
        content = prepare_ground_truth(content)
        if self.sort_categories:
            content['categories'] = sorted(content['categories'], key=lambda item: item['id'])
        if 'segm' in self.metrics:
            _check_masks(content, path)
        ids = [item['id'] for key in ('images', 'categories') for item in content[key]]
        self.backend, why = choose_backend(self.wanted_backend, ids)
        if why:
            print_log(f'COCO evaluation by pycocotools: {why}', logger='current')
        self._coco_api = build_api(content, self.backend)

    def compute_metrics(self, results: list[tuple[dict, dict]]) -> dict[str, float]:
        """Metric names (``bbox_mAP``, ``segm_mAP_50``, ``AR@100``, ...) and values, rounded to 3 digits as in mmdet."""
        gts, preds = [gt for gt, _ in results], [pred for _, pred in results]
        if self._coco_api is None:
            with tempfile.TemporaryDirectory() as folder:
                self._load_ground_truth(self.gt_to_coco_json(gts, osp.join(folder, 'truth')))
        self._match_classes()
        check_labels(preds, self.dataset_meta['classes'], self.cat_ids)
        if self.outfile_prefix is not None:
            self.results2json(preds, self.outfile_prefix)
        if self.format_only:
            print_log(f'results are saved in {osp.dirname(self.outfile_prefix)}', logger='current')
            return {}
        values: dict[str, float] = {}
        for metric in self.metrics:
            if metric == 'proposal_fast':
                values.update(self._fast_recall(preds))
            else:
                values.update(self._evaluate(metric, preds))
        return values

    def _match_classes(self) -> None:
        """Fill ``cat_ids`` in label order and ``img_ids``."""
        categories = self._coco_api.dataset['categories']
        names = [item['name'] for item in categories]
        classes = self.dataset_meta['classes']
        stuff = set(self.dataset_meta.get('stuff_classes') or ())  # of a panoptic set: no instances of it exist
        unknown = [name for name in classes if name not in names and name not in stuff]
        unused = [name for name in names if name not in classes]
        # A file that merely lacks a class is fine: nothing is measured of it.
        if len(unknown) == len(classes) or any(near_names(name, unused) for name in unknown):
            wrong = ', '.join(f'{name!r}{did_you_mean(name, unused)}' for name in unknown)
            raise UserError(
                f'classes that are no category of the evaluation JSON: {wrong}. Its categories are {names}.',
                rule='labels are matched through the names.',
                fix='use the same names in both.',
            )
        if self.sort_categories:
            self.cat_ids = [item['id'] for item in categories if item['name'] in set(classes)]
        else:
            self.cat_ids = ids_by_name(categories, [name for name in classes if name in names or name not in stuff])
            self._coco_api.cats.update({item['id']: item for item in categories})
        self.img_ids = [image['id'] for image in self._coco_api.dataset['images']]

    def _evaluate(self, metric: str, preds: Sequence[dict]) -> dict[str, float]:
        iou_type = 'bbox' if metric == 'proposal' else metric
        if iou_type == 'segm' and any('masks' not in pred for pred in preds):
            raise UserError(
                'metric "segm" needs masks, the predictions have none.',
                fix='metric=["bbox"], or a model with masks.',
            )
        predictions, broken = coco_predictions(preds, self.cat_ids, masks=iou_type == 'segm')
        if broken:
            print_log(f'{metric}: {broken} predictions with NaN or infinite values were dropped', logger='current')
        if not predictions:
            print_log(f'{metric}: nothing was detected in any image', logger='current')
        assert self.backend is not None
        arrays = evaluate(
            self._coco_api,
            predictions,
            self.backend,
            iou_type=iou_type,
            category_ids=self.cat_ids,
            image_ids=self.img_ids,
            max_dets=self.proposal_nums,
            iou_thrs=self.iou_thrs,
            use_categories=metric != 'proposal' and not self.ignore_classes,
        )
        return self._values(metric, arrays)

    def _fast_recall(self, preds: Sequence[dict]) -> dict[str, float]:
        truths = []
        for pred in preds:
            anns = [ann for ann in self._coco_api.imgToAnns[pred['img_id']] if not ann['iscrowd']]
            truth = np.array([ann['bbox'] for ann in anns], dtype=np.float64).reshape(-1, 4)
            truths.append(np.concatenate([truth[:, :2], truth[:, :2] + truth[:, 2:]], axis=1))
        boxes, scores = [np.asarray(p['bboxes']) for p in preds], [np.asarray(p['scores']) for p in preds]
        recalls = average_recalls(truths, boxes, scores, self.proposal_nums, np.atleast_1d(self.iou_thrs))
        print_log(f'AR: {" ".join(f"{value:.4f}" for value in recalls)}', logger='current')
        return {f'AR@{limit}': value for limit, value in zip(self.proposal_nums, recalls, strict=True)}

    def _values(self, metric: str, arrays: CocoArrays) -> dict[str, float]:
        items = self.metric_items or (_AR_ITEMS if metric == 'proposal' else _AP_ITEMS)
        # numpy's rounding of the mean, as in the host: 0.0005 and its like go to the even digit.
        stats = {name: round(value, 3) for name, value in summary(arrays).items()}
        unknown = [item for item in items if item not in stats]
        if unknown:
            raise UserError(f'metric_items {unknown} are not supported{did_you_mean(unknown[0], stats)}')
        if metric == 'proposal':
            return {item: stats[item] for item in items}
        values: dict[str, float] = {}
        rows = self.keep_rows(metric, arrays)
        if self.classwise:
            print_log('\n' + AsciiTable([('category', *_AP_ITEMS), *rows]).table, logger='current')
            values.update({f'{row[0]}_precision': float(row[1]) for row in rows})
        values.update({f'{metric}_{item}': stats[item] for item in items})
        print_log(f'{metric}_mAP_copypaste: ' + ' '.join(f'{stats[item]:.3f}' for item in _AP_ITEMS), logger='current')
        return values

    def keep_rows(self, metric: str, arrays: CocoArrays) -> list[tuple[str, ...]]:
        """Keep and return the table of the classes."""
        names = {item['id']: item['name'] for item in self._coco_api.dataset['categories']}
        rows = self.class_rows[metric] = class_table(arrays, names)
        return rows


def summary(arrays: CocoArrays) -> dict[str, float]:
    """mmdet's twelve numbers; ``mAP`` counts 100 detections per image, the others the largest limit."""
    dets = arrays.max_dets
    values = {
        'mAP': arrays.ap(limit=100 if 100 in dets else None),
        'mAP_50': arrays.ap(0.5),
        'mAP_75': arrays.ap(0.75),
        'mAP_s': arrays.ap(area=1),
        'mAP_m': arrays.ap(area=2),
        'mAP_l': arrays.ap(area=3),
    }
    # As in mmdet the names stand for the positions in proposal_nums, whatever its numbers are.
    for name, limit in zip(_AR_ITEMS[:3], dets, strict=False):
        values[name] = arrays.ar(limit=limit)
    for area, name in enumerate(_AR_ITEMS[3:], start=1):
        values[name] = arrays.ar(area=area)
    return values


def check_labels(preds: Sequence[dict], classes: Sequence[str], category_ids: Sequence[int]) -> None:
    """Raise UserError when a predicted label has no category."""
    largest = max((int(pred['labels'].max()) for pred in preds if len(pred['labels'])), default=-1)
    if largest >= len(category_ids):
        raise UserError(
            f'the model predicts label {largest}, but the data has the {len(category_ids)} classes {tuple(classes)} '
            f'(labels 0..{len(category_ids) - 1}).',
            rule='num_classes of every head must equal the number of classes.',
            fix=f'set num_classes={len(category_ids)} in the heads, or use the data that the model was trained on.',
        )


def coco_predictions(preds: Sequence[dict], category_ids: Sequence[int], masks: bool) -> tuple[list[dict], int]:
    """COCO's result format of predictions per image, and how many were left out for values that are not finite.

    Args:
        preds: per image ``img_id``, ``bboxes`` (N, 4) as x1 y1 x2 y2 pixels,
            ``scores`` (N,), ``labels`` (N,), and with ``masks`` N RLEs and
            perhaps ``mask_scores`` (N,).
        category_ids: JSON id of each label.
    """
    predictions: list[dict[str, Any]] = []
    broken = 0
    for pred in preds:
        boxes = np.asarray(pred['bboxes'], dtype=np.float64).reshape(-1, 4)
        scores = np.asarray(pred.get('mask_scores', pred['scores']) if masks else pred['scores'], dtype=np.float64)
        finite = np.isfinite(boxes).all(axis=1) & np.isfinite(scores)
        broken += int((~finite).sum())
        sizes = boxes[:, 2:] - boxes[:, :2]
        coco_boxes = np.concatenate([boxes[:, :2], sizes], axis=1).tolist()
        for i in np.flatnonzero(finite).tolist():
            item = {
                'image_id': pred['img_id'],
                'category_id': category_ids[int(pred['labels'][i])],
                'score': float(scores[i]),
            }
            if masks:
                counts = pred['masks'][i]['counts']
                text = counts.decode() if isinstance(counts, bytes) else counts
                # No box here: the libraries would take its area for the mask's.
                item['segmentation'] = {'size': list(pred['masks'][i]['size']), 'counts': text}
            else:
                item['bbox'] = coco_boxes[i]
            predictions.append(item)
    return predictions, broken


def _check_masks(content: dict[str, Any], path: str) -> None:
    """Raise UserError before a malformed ground truth mask reaches the C code."""
    sizes = {image['id']: (image['height'], image['width']) for image in content['images']}
    for ann in content['annotations']:
        mask, size = ann.get('segmentation'), sizes.get(ann['image_id'])
        if size is None:
            continue
        if not mask:
            problem: str | None = 'it is absent or empty'
        else:
            problem = check_rle(mask, *size) if isinstance(mask, dict) else check_polygons(mask, *size)
        if problem:
            raise UserError(
                f'{path}: segmentation of annotation {ann["id"]} (image {ann["image_id"]}): {problem}.',
                rule='metric "segm" needs a sound mask for each object.',
                fix='correct or remove the annotation.',
            )
