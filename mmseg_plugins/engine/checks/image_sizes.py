"""Does the network take the sizes of image that the data give it?  Asked before the first step.

Many networks take only sizes that a power of two divides, because they add or join maps of different strides.  The
data preprocessor pads for them.  With ``pad_size_divisor=1``, or crops of an odd size, they stop in the middle of a
training, or in the first validation.

A copy of the model, which shares its parameters, gets one small batch for training and one for prediction: sides below
128 px that leave the same rest as the real ones when 64 divides them.  Where the copy stops, the real size is tried,
and then an ordinary one: only where that works, the size is the reason.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import torch
from mmengine.logging import MessageHub, print_log
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.rng import preserved_rng

Size: TypeAlias = tuple[int, int]  # height, width in pixels

STRIDE = 64  # px; no part looks further than a window of as many
SAFE = 32  # sizes that it divides are those of the hosts' own configs
ORDINARY = (128, 128)
OTHERS = ((65, 97), (113, 67), (81, 127))  # that a padding must help, too: some sizes work by chance
DIVISORS = (2, 4, 8, 16, 32, 64, 128)


class Trial(NamedTuple):
    """A batch that a model is given: ``images`` of a size, in ``mode`` 'loss' or 'predict'; ``semantic``: mmseg's."""

    mode: str
    images: int
    semantic: bool


def check_image_sizes(model: nn.Module, inputs: Mapping[str, Sequence[Size]], batch_size: int, semantic: bool) -> None:
    """Try the sizes that the pipelines give on a copy of the model.

    Args:
        model: a detector or segmentor, not wrapped; it is left as it is, and so are the random generators.
        inputs: split (another name is one of prediction) -> sizes before the data preprocessor.
        batch_size: of the training.
        semantic: whether it is a segmentor of mmseg.

    Raises:
        UserError: it takes an ordinary size, but not one of these.
    """
    if not isinstance(model, BaseModel) or next(model.parameters(), None) is None:
        return
    shared = {id(parameter): parameter for parameter in model.parameters()}  # nothing changes them
    try:
        other = copy.deepcopy(model, shared)
    except Exception as error:  # of parts that hold what cannot be copied
        print_log(f'image sizes not tried: {error}', 'current', logging.DEBUG)
        return
    with preserved_rng(), _iteration_noted(), torch.no_grad():
        for split, sizes in inputs.items():
            train = split == 'train'
            other.train(train)
            trial = Trial('loss' if train else 'predict', min(batch_size, 2) if train else 1, semantic)
            for size in _doubtful(other, sizes, trial):
                _try_size(other, split, size, trial)


@contextmanager
def _iteration_noted() -> Iterator[None]:
    """The iteration 0, as a runner notes it for losses that warm up."""
    noted = MessageHub.get_current_instance().runtime_info
    lacks = 'iter' not in noted
    if lacks:
        noted['iter'] = 0
    try:
        yield
    finally:
        if lacks:
            noted.pop('iter', None)


def _doubtful(model: BaseModel, sizes: Sequence[Size], trial: Trial) -> list[Size]:
    """The smallest size, and the one that powers of two divide least, of those that are not safe after padding."""
    unsafe = {}
    for size in sizes:
        padded = _padded(model, size, trial)
        if padded is not None and (padded[0] % SAFE or padded[1] % SAFE or min(padded) < STRIDE):
            unsafe[size] = padded
    if not unsafe:
        return []
    small = min(unsafe, key=lambda size: min(unsafe[size]))
    odd = min(unsafe, key=lambda size: sum(side & -side for side in unsafe[size]))
    return list(dict.fromkeys((small, odd)))


def _padded(model: BaseModel, size: Size, trial: Trial) -> Size | None:
    """The size after the data preprocessor; None where it does not take a batch of this kind."""
    try:
        given = model.data_preprocessor(_batch(model, size, trial), trial.mode == 'loss')
        return tuple(given['inputs'].shape[-2:])
    except Exception as error:  # a preprocessor of its own kind
        print_log(f'image sizes not tried: {error}', 'current', logging.DEBUG)
        return None


def _try_size(model: BaseModel, split: str, size: Size, trial: Trial) -> None:
    small: Size = (_reduced(size[0]), _reduced(size[1]))
    error = _failure(model, small, trial)
    if error is not None and small != size:
        error = _failure(model, size, trial)
    if error is None:
        return
    if _failure(model, ORDINARY, trial) is not None:
        print_log(f'image sizes not tried: the model takes no empty batch: {error}', 'current', logging.DEBUG)
        return
    padded = _padded(model, size, trial) or size
    said = str(error).strip().split('\n')[0] or type(error).__name__
    raise UserError(
        f'{type(model).__name__} takes no image of {padded[1]} x {padded[0]} px ({said}). {split} gives such '
        f'images, of {size[1]} x {size[0]} px before padding.',
        rule='images are padded to sides that the network takes.', fix=_fix(model, size, trial))


def _reduced(side: int) -> int:
    """A side of less than 128 px with the same rest."""
    return side if side < 2 * STRIDE else STRIDE + side % STRIDE


def _fix(model: BaseModel, size: Size, trial: Trial) -> str:
    """The smallest padding that was seen to work; it is set in ``model``, a copy that is not used any more."""
    preprocess: Any = model.data_preprocessor
    for divisor in DIVISORS:
        if not trial.semantic:
            words = f'model.data_preprocessor.pad_size_divisor={divisor}'
            preprocess.pad_size_divisor = divisor
        elif trial.mode == 'loss':
            words = (f'model.data_preprocessor.size_divisor={divisor} in place of size, or size and crops that '
                     f'{divisor} divides')
            preprocess.size, preprocess.size_divisor = None, divisor
        else:
            words = f'model.data_preprocessor.test_cfg=dict(size_divisor={divisor})'
            preprocess.test_cfg = dict(size_divisor=divisor)
        if all(_failure(model, one, trial) is None for one in (size, *OTHERS)):
            return words
    return 'larger images, or a Resize or Pad of the pipeline that makes them so'


def _failure(model: BaseModel, size: Size, trial: Trial) -> Exception | None:
    """What stops a model on a batch of this size; None where nothing does."""
    try:
        data = model.data_preprocessor(_batch(model, size, trial), trial.mode == 'loss')
        model._run_forward(data, mode=trial.mode)
    except Exception as error:  # an ordinary size tells whether the size is the reason
        return error
    return None


def _batch(model: BaseModel, size: Size, trial: Trial) -> dict[str, Any]:
    """Black images (C, h, w) of 8 bits with one object in their middle, as a data loader gives them."""
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    mean = getattr(model.data_preprocessor, 'mean', None)
    channels = len(mean) if isinstance(mean, Tensor) and mean.numel() > 1 else getattr(first, 'in_channels', 3)
    images = [torch.zeros(channels, *size, dtype=torch.uint8) for _ in range(trial.images)]
    return dict(inputs=images, data_samples=[_sample(size, trial) for _ in images])


def _sample(size: Size, trial: Trial) -> Any:
    h, w = size
    meta = dict(img_id=0, img_path='', img_shape=size, ori_shape=size, pad_shape=size, scale_factor=(1.0, 1.0),
                flip=False, flip_direction=None, reduce_zero_label=False)
    labels = PixelData(data=torch.zeros(1, h, w, dtype=torch.long))
    if trial.semantic:
        from mmseg.structures import SegDataSample

        sample = SegDataSample(metainfo=meta)
        sample.gt_sem_seg = labels
        return sample
    import numpy as np
    from mmdet.structures import DetDataSample
    from mmdet.structures.bbox import HorizontalBoxes
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    top, left, bottom, right = h // 4, w // 4, max(h - h // 4, 1), max(w - w // 4, 1)
    mask = np.zeros((1, h, w), np.uint8)
    mask[:, top:bottom, left:right] = 1
    sample = DetDataSample(metainfo=meta)
    boxes = HorizontalBoxes(torch.tensor([[left, top, right, bottom]], dtype=torch.float32))
    sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.zeros(1, dtype=torch.long),
                                       masks=BitmapMasks(mask, h, w))
    sample.ignored_instances = InstanceData(bboxes=HorizontalBoxes(torch.zeros(0, 4)),
                                            labels=torch.zeros(0, dtype=torch.long))
    sample.gt_sem_seg = PixelData(sem_seg=labels.data)
    return sample
