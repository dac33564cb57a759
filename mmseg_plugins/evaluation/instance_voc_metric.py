"""mAP^r: average precision of regions (masks) by the rules of PASCAL VOC, the metric of SDS, MNC and FCIS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.fileio import get_local_path
from mmengine.logging import print_log
from pycocotools import mask as coco_mask
from terminaltables import AsciiTable

from mmseg_plugins.evaluation.coco_metric import check_labels
from mmseg_plugins.evaluation.voc_ap import MODES, TRUE, average_precision, match_image, precision_recall
from mmseg_plugins.registry import METRICS
from mmseg_plugins.structures.rle import as_rle, check_polygons, check_rle, encode_mask
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean

Truth = tuple[list[dict[str, Any]], np.ndarray, np.ndarray]  # RLEs, labels (G,), ignored (G,) bool


@METRICS.register_module()
class InstanceVOCMetric(BaseMetric):
    """mAP^r at several mask IoUs, with VOC 2007's 11-point AP.

    Introduced by Hariharan et al., "Simultaneous detection and segmentation", https://arxiv.org/abs/1407.1808 ; the
    rules here are those of voc_eval_sds in https://github.com/msracver/FCIS (commit 309f6c9, lib/dataset/
    pascal_voc_eval.py), which chainercv's eval_instance_segmentation_voc follows: see
    :func:`mmseg_plugins.evaluation.voc_ap.match_image`.

    * The mean is over the classes that have an object.  The original takes all 20, chainercv those with an object; on
      SBD these are the same, and on a part of it the original's mean is not a number.
    * The originals know no difficult objects on SBD.  On other sets, objects marked ``iscrowd`` or ``ignore`` are not
      counted, and a detection whose best object is one of them is neither right nor wrong, as in VOC's box metric.
    * Void pixels count as background, as in the original.
    * Detections of equal score keep the order of the data set (the original's sort is unstable).

    The ground truth comes from ``ann_file``, else from ``instances`` of the data sample (when ``PackDetInputs`` packs
    that key), else from its ``gt_instances``.  Their masks must have the image's original size (``LoadAnnotations``
    after ``Resize``).  Images are judged one by one as they come, so that memory does not grow with the pixels of the
    set.

    Results: ``sds/mAPr_50``, ``sds/mAPr_70`` ... in [0, 1] (nan when the set has no object), and a table of classes.

    Args:
        iou_thrs: IoU thresholds in (0, 1].
        mode: ``11points`` or ``area``.
        ann_file: COCO JSON with the ground truth; classes are matched by their names.
        classwise: print the table.
        kwargs: ``collect_device``, ``prefix``, ``collect_dir`` of ``mmengine.BaseMetric``.

    Raises:
        UserError: predictions, classes, images and ground truth do not fit, or there was no image.
    """

    default_prefix = 'sds'

    def __init__(
        self,
        iou_thrs: float | Sequence[float] = (0.5, 0.7),
        *,
        mode: str = '11points',
        ann_file: str | None = None,
        classwise: bool = True,
        backend_args: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.iou_thrs = np.atleast_1d(np.asarray(iou_thrs, dtype=float))
        if self.iou_thrs.ndim != 1 or not len(self.iou_thrs) or not ((self.iou_thrs > 0) & (self.iou_thrs <= 1)).all():
            raise ValueError(f'iou_thrs must be one or several numbers in (0, 1], got {iou_thrs!r}')
        if mode not in MODES:
            raise ValueError(f'mode must be one of {MODES}, got {mode!r}')
        self.mode = mode
        self.classwise = classwise
        self._content: dict[str, Any] | None = None
        self._anns: dict[Any, list[dict[str, Any]]] = {}
        self._images: set[Any] = set()
        if ann_file is not None:
            with get_local_path(ann_file, backend_args=backend_args) as path, open(path, encoding='utf-8') as stream:
                content = json.load(stream)
            for ann in content['annotations']:
                self._anns.setdefault(ann['image_id'], []).append(ann)
            self._content = content
            self._images = {image['id'] for image in content['images']}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Judge the predictions of one batch."""
        for sample in data_samples:
            pred = sample['pred_instances']
            if 'masks' not in pred:
                raise UserError(
                    'mAP^r compares masks, the predictions have none.',
                    fix='a model with masks, or mmdet.VOCMetric.',
                )
            labels, scores = (_numpy(pred[key]) for key in ('labels', 'scores'))
            if 'mask_scores' in pred:
                scores = _numpy(pred['mask_scores'])
            check_labels([{'labels': labels}], self.dataset_meta['classes'], range(len(self.dataset_meta['classes'])))
            masks = pred['masks']
            rles = masks if isinstance(masks, (list, tuple)) else [encode_mask(mask) for mask in _numpy(masks)]
            finite = np.isfinite(scores)
            kept = np.flatnonzero(finite)
            self.results.append({
                'broken': int((~finite).sum()),
                **self._judge([rles[i] for i in kept], labels[kept], scores[kept], self._truth(sample), sample),
            })

    def _judge(
        self, masks: list[dict], labels: np.ndarray, scores: np.ndarray, truth: Truth, sample: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Verdicts (T, N) and objects a class of one image."""
        true_masks, true_labels, ignored = truth
        sizes = {tuple(mask['size']) for mask in (*masks, *true_masks)}
        if len(sizes) > 1:
            raise UserError(
                f'masks of image {sample.get("img_id")!r} have the sizes [height, width] {sorted(sizes)}.',
                rule='predictions and ground truth have the size of the original image.',
                fix='in the test pipeline put LoadAnnotations after Resize, or give the metric an ann_file.',
            )
        verdicts = np.zeros((len(self.iou_thrs), len(scores)), np.int8)
        for label in np.unique(labels):
            mine, objects = np.flatnonzero(labels == label), np.flatnonzero(true_labels == label)
            iou = np.zeros((len(mine), 0))
            if len(objects):
                pairs = [true_masks[i] for i in objects]
                iou = np.asarray(coco_mask.iou([masks[i] for i in mine], pairs, [0] * len(pairs)))
            verdicts[:, mine] = match_image(iou, scores[mine], ignored[objects], self.iou_thrs)
        counts = np.bincount(true_labels[~ignored], minlength=len(self.dataset_meta['classes']))
        return {'labels': labels, 'scores': scores, 'verdicts': verdicts, 'objects': counts}

    def _truth(self, sample: Mapping[str, Any]) -> Truth:
        height, width = (int(side) for side in sample['ori_shape'][:2])
        if self._content is not None:
            anns = self._annotations(sample['img_id'])
            labels = self._labels_of_categories()
            used = [ann for ann in anns if ann['category_id'] in labels]
            return _truth_of(
                ((ann.get('segmentation'), labels[ann['category_id']], ann.get('iscrowd', 0) or ann.get('ignore', 0))
                 for ann in used), height, width, sample['img_id'])
        if 'instances' in sample:
            return _truth_of(((item['mask'], item['bbox_label'], item['ignore_flag']) for item in sample['instances']),
                             height, width, sample['img_id'])
        if 'gt_instances' not in sample or 'masks' not in sample['gt_instances']:
            raise UserError(
                'there is no ground truth to compare with.',
                rule='it comes from ann_file, or from the data sample.',
                fix="LoadAnnotations(with_bbox=True, with_mask=True) in the test pipeline, or the metric's ann_file.",
            )
        parts = [(sample['gt_instances'], False), (sample.get('ignored_instances') or {}, True)]
        parts = [(part, ignored) for part, ignored in parts if 'masks' in part]
        rles = [rle for part, _ in parts for rle in map(encode_mask, _numpy(part['masks']))]
        labels_of = np.concatenate([_numpy(part['labels']) for part, _ in parts]).astype(np.int64)
        ignored_of = np.concatenate([np.full(len(part['labels']), ignored) for part, ignored in parts])
        return rles, labels_of, ignored_of

    def _annotations(self, image_id: Any) -> list[dict[str, Any]]:
        """Objects of an image of the JSON, which may have none."""
        if image_id not in self._images:
            known = f', such as {next(iter(self._images))!r}' if self._images else ''
            raise UserError(
                f'image {image_id!r} is none of the {len(self._images)} images of the evaluation JSON{known}.',
                rule=(
                    'an '
                    "image without objects is listed, too, under the data set's id."
                ),
                fix=(
                    "ann_file of the metric and of "
                    'the data set must be the same file.'
                ),
            )
        return self._anns.get(image_id, [])

    def _labels_of_categories(self) -> dict[Any, int]:
        assert self._content is not None
        ids = {str(item['name']): item['id'] for item in self._content['categories']}
        classes = self.dataset_meta['classes']
        unknown = [name for name in classes if name not in ids]
        if unknown:
            wrong = ', '.join(f'{name!r}{did_you_mean(name, ids)}' for name in unknown)
            raise UserError(
                f'classes that are no category of the evaluation JSON: {wrong}. Its categories are {list(ids)}.',
                rule='labels are matched through the names.',
                fix='use the same names in both.',
            )
        return {ids[name]: label for label, name in enumerate(classes)}

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """``mAPr_50`` ... for all thresholds."""
        if not results:
            raise UserError(
                'no image was judged: there is no mAP^r of nothing.',
                fix='the annotation file, the paths and the filter of the data set that is evaluated.',
            )
        broken = sum(result['broken'] for result in results)
        if broken:
            print_log(f'mAP^r: {broken} predictions with NaN or infinite scores were dropped', logger='current')
        labels, scores = (np.concatenate([result[key] for result in results]) for key in ('labels', 'scores'))
        verdicts = np.concatenate([result['verdicts'] for result in results], axis=1)
        objects = np.sum([result['objects'] for result in results], axis=0)
        rows, values = [], np.full((len(objects), len(self.iou_thrs)), np.nan)
        for label, name in enumerate(self.dataset_meta['classes']):
            mine = labels == label
            for t in range(len(self.iou_thrs)):
                curve = precision_recall(scores[mine], verdicts[t, mine], int(objects[label]))
                values[label, t] = average_precision(curve, self.mode)
            right = [(verdicts[t, mine] == TRUE).sum() for t in range(len(self.iou_thrs))]
            rows.append([name, objects[label], mine.sum(), *right, *(f'{value:.3f}' for value in values[label])])
        with_objects = values[objects > 0]
        means = with_objects.mean(axis=0) if len(with_objects) else np.full(len(self.iou_thrs), np.nan)
        names = [f'{threshold:g}' for threshold in self.iou_thrs]
        if self.classwise:
            title = ['class', 'objects', 'detections', *(f'right @{n}' for n in names), *(f'AP @{n}' for n in names)]
            totals = ['mean or sum', objects.sum(), len(scores)]
            totals += [(verdicts[t] == TRUE).sum() for t in range(len(names))] + [f'{mean:.3f}' for mean in means]
            table = AsciiTable([title, *([str(cell) for cell in row] for row in [*rows, totals])])
            print_log(f'mAP^r ({self.mode})\n{table.table}', logger='current')
        return {f'mAPr_{100 * threshold:g}': float(mean) for threshold, mean in zip(self.iou_thrs, means, strict=True)}


def _truth_of(items: Iterable[tuple[Any, int, Any]], height: int, width: int, image_id: Any) -> Truth:
    """From segmentations (polygons or RLEs), labels and flags."""
    rles, labels, ignored = [], [], []
    for segmentation, label, ignore in items:
        if not segmentation:
            problem: str | None = 'it is absent or empty'
        elif isinstance(segmentation, dict):
            problem = check_rle(segmentation, height, width)
        else:
            problem = check_polygons(segmentation, height, width)
        if problem:
            raise UserError(
                f'a true mask of image {image_id!r}: {problem}.',
                rule='every object needs a sound mask.',
                fix='correct or remove the annotation.',
            )
        rles.append(as_rle(segmentation, height, width))
        labels.append(label)
        ignored.append(bool(ignore))
    return rles, np.array(labels, np.int64), np.array(ignored, bool)


def _numpy(values: Any) -> np.ndarray:
    """Of a tensor, of mmdet's mask structures, or of anything that numpy takes."""
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().numpy()
    return values.to_ndarray() if hasattr(values, 'to_ndarray') else np.asarray(values)
