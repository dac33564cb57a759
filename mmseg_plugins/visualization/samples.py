"""Data samples of mmdet and mmseg as pictures, ground truth or prediction.

Works on what the samples hold (``gt_instances``, ``pred_instances``,
``gt_sem_seg``, ``pred_sem_seg``, ``pred_panoptic_seg``), so it imports neither host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from mmseg_plugins.structures.images import as_bgr, read_image
from mmseg_plugins.structures.rle import encode_mask, iter_masks
from mmseg_plugins.visualization.overlay import draw_instances
from mmseg_plugins.visualization.panoptic import Panoptic, draw_panoptic, join_truth, split_segments
from mmseg_plugins.visualization.semantic import IGNORE, complete_palette, draw_semantic


class Instances(NamedTuple):
    """N instances as arrays: masks (N, H, W) bool, RLE list or None; boxes (N, 4); labels (N,); scores (N,) or None."""

    masks: Any
    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray | None

    def select(self, keep: np.ndarray) -> Instances:
        """The instances at the given integer indices, in that order."""
        masks = self.masks
        if masks is not None:
            masks = [masks[index] for index in keep] if isinstance(masks, list) else masks[keep]
        scores = None if self.scores is None else self.scores[keep]
        return Instances(masks, self.boxes[keep], self.labels[keep], scores)


def to_array(value: Any) -> Any:
    """Tensor, box structure or mask structure -> numpy array; RLE lists pass through."""
    if value is None or isinstance(value, (list, tuple, np.ndarray)):
        return value if not isinstance(value, tuple) else list(value)
    if hasattr(value, 'to_ndarray'):  # BitmapMasks, PolygonMasks
        return value.to_ndarray().astype(bool)
    value = getattr(value, 'tensor', value)  # BaseBoxes
    if hasattr(value, 'detach'):
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() else value
        return value.numpy()
    return np.asarray(value)


def get_instances(data: Any) -> Instances:
    """Arrays of an ``InstanceData`` (ground truth or prediction), boxes from the masks where it has none."""
    masks = to_array(data.get('masks', None))
    labels = to_array(data.get('labels', None))
    boxes = to_array(data.get('bboxes', None))
    scores = to_array(data.get('scores', None))
    number = next((len(values) for values in (labels, boxes, masks) if values is not None), 0)
    labels = np.zeros(number, np.int64) if labels is None else labels.astype(np.int64)
    boxes = np.zeros((number, 4)) if boxes is None else boxes.reshape(number, boxes.shape[-1])[:, :4]
    boxes = boxes.astype(np.float32)
    if masks is not None and not isinstance(masks, list):
        masks = masks.astype(bool)
    return Instances(masks, boxes, labels, None if scores is None else scores.astype(np.float32))


def instance_overlaps(first: Instances, second: Instances, within: bool = False) -> np.ndarray:
    """Mask IoU (N, M) of two sets, box IoU where one has no masks; ``within``: overlap over the area of the first."""
    from pycocotools import mask as mask_api

    if not len(first.labels) or not len(second.labels):
        return np.zeros((len(first.labels), len(second.labels)))
    both = first, second
    pair: list[Any]
    if first.masks is None or second.masks is None:
        pair = [np.hstack([one.boxes[:, :2], one.boxes[:, 2:] - one.boxes[:, :2]]).astype(float) for one in both]
    else:
        pair = [[encode_mask(mask) for mask in iter_masks(one.masks)] for one in both]
    # COCO's crowds are what an overlap is taken over the other's area for
    return np.asarray(mask_api.iou(*pair, [int(within)] * len(second.labels)))


def best_first(instances: Instances, score_thr: float, limit: int | None = None) -> Instances:
    """Instances with a score of at least ``score_thr``, best first (ties in their order), at most ``limit``."""
    if instances.scores is None:
        return instances
    order = np.argsort(-instances.scores, kind='stable')
    return instances.select(order[instances.scores[order] >= score_thr][:limit])


def get_label_map(data: Any) -> np.ndarray:
    """(H, W) integers of a ``PixelData``, whose array mmseg calls ``data`` and mmdet ``sem_seg``."""
    values = data.get('data', None)
    values = data.get('sem_seg') if values is None else values
    array = to_array(values)
    return array[0] if array.ndim == 3 else array


def input_image(inputs: Any) -> np.ndarray:
    """A network input (C, H, W) before the data preprocessor -> uint8 (H, W, 3)."""
    return as_bgr(np.ascontiguousarray(to_array(inputs).transpose(1, 2, 0)))


def draw_truth(image: np.ndarray, sample: Any, meta: Mapping[str, Any]) -> tuple[str, np.ndarray]:
    """``(caption, picture)`` of a sample's ground truth on an image of the same frame."""
    names, palette = _names(meta)
    if _has(sample, 'gt_sem_seg') and _has(sample, 'gt_instances') and 'masks' in sample.gt_instances:
        truth, label_map = get_instances(sample.gt_instances), get_label_map(sample.gt_sem_seg)
        if isinstance(truth.masks, np.ndarray) and truth.masks.shape[1:] == label_map.shape:
            panoptic = join_truth(label_map, truth.masks, truth.labels)
            return f'ground truth: {_count(panoptic)}', draw_panoptic(image, panoptic, names, palette)
    if _has(sample, 'gt_instances') and len(sample.gt_instances) + (not _has(sample, 'gt_sem_seg')):
        truth = get_instances(sample.gt_instances)
        drawn = draw_instances(image, truth.masks, truth.boxes, truth.labels, None, names)
        return f'ground truth: {len(truth.labels)}', drawn
    if _has(sample, 'gt_sem_seg'):
        return 'ground truth', draw_semantic(image, get_label_map(sample.gt_sem_seg), palette)
    return 'no ground truth in the pipeline', draw_instances(image)


def draw_prediction(
    image: np.ndarray, sample: Any, meta: Mapping[str, Any], score_thr: float = 0.3
) -> tuple[str, np.ndarray]:
    """``(caption, picture)`` of a sample's prediction on its original image."""
    names, palette = _names(meta)
    if _has(sample, 'pred_panoptic_seg'):
        panoptic = split_segments(get_label_map(sample.pred_panoptic_seg), len(names))
        return f'prediction: {_count(panoptic)}', draw_panoptic(image, panoptic, names, palette)
    if _has(sample, 'pred_instances'):
        found = get_instances(sample.pred_instances)
        shown = best_first(found, score_thr)
        caption = f'prediction: {len(shown.labels)} with score >= {score_thr:g}'
        if not len(shown.labels) and found.scores is not None and len(found.scores):
            caption += f' (best {found.scores.max():.2f})'
        return caption, draw_instances(image, shown.masks, shown.boxes, shown.labels, shown.scores, names)
    if _has(sample, 'pred_sem_seg'):
        return 'prediction', draw_semantic(image, get_label_map(sample.pred_sem_seg), palette)
    return 'no prediction', draw_instances(image)


def original_image(sample: Any, inputs: Any) -> np.ndarray:
    """The image of a validation sample in its original size: the file, else the network input resized back."""
    height, width = sample.ori_shape[:2]
    path = sample.get('img_path', None)
    if path and Path(path).is_file():
        image = read_image(path)
    else:
        image = input_image(inputs)
        valid = sample.get('img_shape', image.shape)
        image = image[:valid[0], :valid[1]]
    if image.shape[:2] != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return image


def truth_in_original_frame(sample: Any, scaled: bool) -> Any:
    """The sample with its true instances in the frame of the original image.

    Args:
        scaled: Whether the pipeline resized the annotations with the image; hosts
            load them after the resize at test time, and then they are original.
    """
    if not scaled or not _has(sample, 'gt_instances') or tuple(sample.ori_shape[:2]) == tuple(sample.img_shape[:2]):
        return sample
    truth = get_instances(sample.gt_instances)
    height, width = sample.ori_shape[:2]
    ratio = np.array([width / sample.img_shape[1], height / sample.img_shape[0]] * 2, np.float32)
    data = type(sample.gt_instances)()
    data.bboxes, data.labels = truth.boxes * ratio, truth.labels
    if isinstance(truth.masks, np.ndarray):
        masks = truth.masks.astype(np.uint8)
        resized = [cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) for mask in masks]
        data.masks = np.array(resized, bool).reshape(len(truth.labels), height, width)
    copy = sample.new()
    copy.gt_instances = data
    return copy


def _count(panoptic: Panoptic) -> str:
    kinds = len(set(np.unique(panoptic.stuff)) - {IGNORE})
    return f'{len(panoptic.labels)} things, {kinds} kind{"s" * (kinds != 1)} of stuff'


def _has(sample: Any, key: str) -> bool:
    return key in sample


def _names(meta: Mapping[str, Any]) -> tuple[Sequence[str], Any]:
    names = list(meta.get('classes') or ())
    palette = meta.get('palette')
    return names, complete_palette(None if isinstance(palette, str) else palette, len(names))
