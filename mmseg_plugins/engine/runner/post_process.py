"""Put a post-process after a model's predictions, and find the images that it needs.

Shapes: K channels, H x W pixels of the original image.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import mmcv
import numpy as np
import torch
from mmengine.model import BaseModel, BaseTTAModel
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


class PostProcessing:
    """A post-process that refines what a network predicts, from :func:`attach` until :meth:`detach`.

    torch's own hooks of modules do it, and nothing of the network is replaced: one before ``data_preprocessor`` notes
    the batch as the loader gives it, one after the network's ``forward`` hands the predictions of this batch to the
    post-process.  ``test_step`` and ``val_step`` thus give refined samples to any caller, the hosts' inferencers among
    them; a call of ``forward`` with prepared inputs has no raw images, and stays as it is.
    """

    def __init__(self, model: BaseModel, post: PostProcess) -> None:
        self.post = post
        self._batch: Any = None
        self._handles = [
            model.data_preprocessor.register_forward_pre_hook(self._note, with_kwargs=True),
            model.register_forward_hook(self._refine, with_kwargs=True),
        ]

    def detach(self) -> None:
        """Refine no longer; calling it again changes nothing."""
        while self._handles:
            self._handles.pop().remove()

    def _note(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        training = kwargs.get('training', args[1] if len(args) > 1 else False)
        self._batch = None if training else kwargs.get('data', args[0] if args else None)

    def _refine(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        batch, self._batch = self._batch, None
        if batch is None or kwargs.get('mode') != 'predict':
            return output
        return self.post(output, raw_images(batch, output), module)


_ATTACHED: WeakKeyDictionary[nn.Module, PostProcessing] = WeakKeyDictionary()


def attach(model: BaseModel, post: PostProcess) -> PostProcessing:
    """Let ``post`` refine what a network's ``test_step`` and ``val_step`` give; one at a time, the last one counts."""
    detach(model)
    _ATTACHED[model] = PostProcessing(model, post)
    return _ATTACHED[model]


def attached(model: nn.Module) -> PostProcess | None:
    """The post-process that refines a network's predictions."""
    found = _ATTACHED.get(model)
    return None if found is None else found.post


def detach(model: nn.Module) -> None:
    """Take off what :func:`attach` put there, if anything."""
    found = _ATTACHED.pop(model, None)
    if found is not None:
        found.detach()


class RefinedTTAModel(BaseTTAModel):
    """Test-time augmentation whose merged predictions a post-process refines; a runner holds it while it tests.

    mmseg's merge keeps the merged labels, but only the last augmentation's scores: their mean is put there first.

    Args:
        model: What merges; its network is this one's, too.
        post: The post-process.
    """

    def __init__(self, model: BaseTTAModel, post: PostProcess) -> None:
        super().__init__(module=model.module)
        self._post = post
        self._merge: Callable[[list], list] = model.merge_preds

    def test_step(self, data: Any) -> list:
        """The refined prediction of each image."""
        samples = super().test_step(data)
        return list(self._post(samples, raw_images(data, samples), self.module))

    def merge_preds(self, data_samples_list: list) -> list:
        """The merged prediction of each image; inner lists hold the predictions of its augmented versions."""
        post = self._post
        if not isinstance(post, RefinesProbabilities):
            return self._merge(data_samples_list)
        means = [self._mean(post, group) for group in data_samples_list]
        merged = self._merge(data_samples_list)
        for sample, mean in zip(merged, means, strict=True):
            if mean is not None:
                one_channel = len(sample.seg_logits.data) == 1
                sample.seg_logits = PixelData(data=post.as_scores(mean, one_channel, self.module))
        return merged

    def _mean(self, post: RefinesProbabilities, group: list) -> Tensor | None:
        if not all('seg_logits' in sample for sample in group):
            return None
        return torch.stack([post.probabilities(sample, self.module) for sample in group]).mean(0)


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
