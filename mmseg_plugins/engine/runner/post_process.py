"""Put a post-process after a model's predictions, and find the images that it needs.

Shapes: K channels, H x W pixels of the original image.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mmcv
import numpy as np
import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_plugins.engine.protocols import RefinesProbabilities
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.errors import UserError

PostProcess = Callable[..., Sequence[Any]]


def build_post_process(described: Mapping[str, Any] | None) -> PostProcess | None:
    """Build what ``post_process`` of a config names; None or False for none.

    Raises:
        ValueError: something else than a dict with a ``type``.
    """
    if not described:
        return None
    if not isinstance(described, Mapping) or 'type' not in described:
        raise UserError(
            f'post_process={described!r} names no type.',
            fix=(
                'post_process=dict(type="mmseg_plugins.DenseCRFPostProcess", preset="deeplabv2-r101"), or on the '
                'command line post_process.type=...'
            ),
        )
    return MODELS.build({key: value for key, value in described.items() if key != 'validation'})


def attach(model: nn.Module, post: PostProcess, steps: Sequence[str] = ('test_step', 'val_step')) -> Callable[[], None]:
    """Let ``post`` refine what ``model.test_step`` and ``val_step`` give; returns what undoes it.

    With test-time augmentation of mmseg, the mean of all augmented predictions is refined.
    """
    patched = []
    for name in steps:
        original = getattr(model, name)

        def step(data: Any, original: Callable[[Any], Any] = original) -> Any:
            samples = original(data)
            return post(samples, raw_images(data, samples), getattr(model, 'module', model))

        setattr(model, name, step)
        patched.append(name)
    if isinstance(model, BaseTTAModel) and isinstance(post, RefinesProbabilities):
        model.merge_preds = _merge_with_scores(model, post)
        patched.append('merge_preds')

    def undo() -> None:
        for name in patched:
            delattr(model, name)

    return undo


def _merge_with_scores(model: Any, post: Any) -> Callable[[list], list]:
    """mmseg's merge keeps the merged labels, but only the last augmentation's scores: put the mean there."""
    original = model.merge_preds

    def mean_probabilities(group: list) -> Tensor | None:
        if not all('seg_logits' in sample for sample in group):
            return None
        return torch.stack([post.probabilities(sample, model.module) for sample in group]).mean(0)

    def merge(groups: list) -> list:
        means = [mean_probabilities(group) for group in groups]
        merged = original(groups)
        for sample, mean in zip(merged, means, strict=True):
            if mean is None:
                continue
            one_channel = len(sample.seg_logits.data) == 1
            sample.seg_logits = PixelData(data=post.as_scores(mean, one_channel, model.module))
        return merged

    return merge


def raw_images(data: Mapping[str, Any], samples: Sequence[Any]) -> list[Tensor]:
    """The images of a batch as they were before the data preprocessor, in RGB and in the frame of the predictions.

    An image that the test pipeline did not resize, flip or pad is used as it is; else the file is read again, if there
    is one of the predictions' size; else the pipeline's image is turned back, cut and resized.

    Args:
        data: A batch as the loader gives it: ``inputs`` in BGR, as the hosts load images, and ``data_samples``; with
            test-time augmentation lists of them.
        samples: The predictions.

    Returns:
        One (K, H, W) for each sample.
    """
    inputs, described = data['inputs'], data.get('data_samples') or samples
    if len(inputs) and isinstance(inputs[0], (list, tuple)):  # augmented: an unflipped version, else the first
        flips = [any(sample.metainfo.get('flip', False) for sample in group) for group in described]
        chosen = flips.index(False) if False in flips else 0
        inputs, described = inputs[chosen], described[chosen]
    return [_raw_image(image, one.metainfo, _size(sample))
            for image, one, sample in zip(inputs, described, samples, strict=True)]


def _size(sample: Any) -> tuple[int, int]:
    """H, W of a prediction."""
    if 'pred_sem_seg' in sample:
        return tuple(sample.pred_sem_seg.shape)
    if 'pred_instances' in sample and 'masks' in sample.pred_instances:
        return tuple(sample.pred_instances.masks.shape[-2:])
    return tuple(sample.metainfo['ori_shape'][:2])


def _raw_image(image: Tensor, meta: Mapping[str, Any], size: tuple[int, int]) -> Tensor:
    flipped = bool(meta.get('flip', False))
    if tuple(image.shape[-2:]) == size and not flipped:
        return _rgb(image)
    path = meta.get('img_path') or ''
    if os.path.isfile(path):
        read = mmcv.imread(path)
        if read.shape[:2] == size:
            return _rgb(torch.from_numpy(np.ascontiguousarray(read.transpose(2, 0, 1))))
    if flipped:
        image = image.flip(-1 if meta.get('flip_direction', 'horizontal') == 'horizontal' else -2)
    height, width = _content(image, meta, size)
    image = image[None, :, :height, :width].float()
    return _rgb(F.interpolate(image, size=size, mode='bilinear', align_corners=False)[0])


def _content(image: Tensor, meta: Mapping[str, Any], size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of a pipeline's image that are no padding below or on the right."""
    scale = meta.get('scale_factor')
    if scale is None:
        return image.size(-2), image.size(-1)
    height, width = (round(side * float(factor)) for side, factor in zip(size, (scale[1], scale[0]), strict=True))
    return min(height, image.size(-2)), min(width, image.size(-1))


def _rgb(image: Tensor) -> Tensor:
    return image.flip(0) if len(image) == 3 else image
