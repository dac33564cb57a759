"""Batches of noise with plausible ground truth, in the size a config trains with: for measuring without a data set."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData

from mmseg_plugins.config.walk import class_numbers, leaf_datasets


def input_size(cfg: Config, default: tuple[int, int] = (512, 512)) -> tuple[int, int]:
    """Height and width that the training pipeline leaves, after its last resize or crop; ``default`` without one.

    ``Resize(scale=(1333, 800))`` gives (800, 1333), ``RandomCrop(crop_size=(256, 320))`` gives (256, 320).
    """
    size = default
    if cfg.get('train_dataloader') is None:
        return size
    for step in next(leaf_datasets(cfg.train_dataloader['dataset'])).get('pipeline') or ():
        kind = str(step['type']).rsplit('.', 1)[-1]
        scale = step.get('scale') or step.get('scales')
        if 'Resize' in kind and scale:
            pair = scale[-1] if isinstance(scale[0], (list, tuple)) else scale
            size = int(pair[1]), int(pair[0])
        elif 'Crop' in kind and isinstance(step.get('crop_size'), (list, tuple)) and step['crop_size'][0] >= 1:
            size = int(step['crop_size'][0]), int(step['crop_size'][1])
    return size


def number_of_classes(model: Any) -> int:
    """The least ``num_classes`` of the heads in a model config (things and stuff added), 1 without any.

    A head that tells no classes apart does not count.
    """
    heads: dict[int, list[int]] = {}
    for number in class_numbers(model):
        if number.counts != 'weights':
            heads.setdefault(id(number.owner), []).append(number.value)
    return min(map(sum, heads.values()), default=1)


def synthetic_batch(
    cfg: Config, size: tuple[int, int], batch: int, instances: int = 8, seed: int = 0
) -> dict[str, Any]:
    """A batch as the config's pipeline would pack it.

    Args:
        cfg: Names scope and classes.
        size: Height and width in px.
        batch: Images.
        instances: Ellipses an image.

    Returns:
        ``inputs``: list of uint8 (3, H, W); ``data_samples``: the host's, with ground truth.
    """
    rng = np.random.RandomState(seed)
    classes = number_of_classes(cfg.model)
    pack = _pack_semantic if cfg.get('default_scope') == 'mmseg' else _pack_instances
    inputs = [torch.from_numpy(rng.randint(0, 256, (3, *size)).astype(np.uint8)) for _ in range(batch)]
    samples = [pack(rng, size, classes, instances) for _ in range(batch)]
    shapes = dict(ori_shape=size, img_shape=size, pad_shape=size, scale_factor=(1.0, 1.0))
    for sample in samples:
        sample.set_metainfo(dict(img_id=0, img_path='', flip=False, **shapes))
    return dict(inputs=inputs, data_samples=samples)


def _ellipses(rng: np.random.RandomState, size: tuple[int, int], number: int) -> np.ndarray:
    """(N, H, W) bool masks, each with at least one pixel."""
    import cv2

    height, width = size
    masks = np.zeros((number, height, width), np.uint8)
    for mask in masks:
        axes = (max(2, int(width * rng.uniform(0.05, 0.2))), max(2, int(height * rng.uniform(0.05, 0.2))))
        center = (int(rng.uniform(0.2, 0.8) * width), int(rng.uniform(0.2, 0.8) * height))
        cv2.ellipse(mask, center, axes, 0, 0, 360, 1, -1)
    return masks.astype(bool)


def _pack_instances(rng: np.random.RandomState, size: tuple[int, int], classes: int, number: int) -> Any:
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks

    from mmseg_plugins.structures.masks import mask_box

    masks = _ellipses(rng, size, number)
    boxes = np.array([mask_box(mask) for mask in masks], np.float32).reshape(-1, 4)
    labels = rng.randint(0, classes, number)
    sample = DetDataSample()
    bitmaps = BitmapMasks(masks.astype(np.uint8), *size)
    sample.gt_instances = InstanceData(
        bboxes=torch.from_numpy(boxes), labels=torch.from_numpy(labels), masks=bitmaps
    )
    sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
    label_map = np.zeros(size, np.int64)
    for mask, label in zip(masks, labels, strict=True):
        label_map[mask] = label
    sample.gt_sem_seg = PixelData(sem_seg=torch.from_numpy(label_map)[None])
    return sample


def _pack_semantic(rng: np.random.RandomState, size: tuple[int, int], classes: int, number: int) -> Any:
    from mmseg.structures import SegDataSample

    label_map = np.zeros(size, np.int64)
    for mask in _ellipses(rng, size, number):
        label_map[mask] = rng.randint(0, classes)
    return SegDataSample(gt_sem_seg=PixelData(data=torch.from_numpy(label_map)[None]))
