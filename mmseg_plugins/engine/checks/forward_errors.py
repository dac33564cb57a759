"""What went wrong in the first forward pass of a mixed model, told by the parts' names.

For parts whose links :mod:`.compatibility` cannot try beforehand.  The traceback holds the modules that were running
and their arguments, so nothing is recorded and nothing costs time while all goes well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from torch import Tensor, nn

from mmseg_plugins.engine.checks.compatibility import MISFITS, Given, misfit_text
from mmseg_plugins.engine.checks.training_parts import NO_VARIANCE, norm_text
from mmseg_plugins.utils.errors import UserError

NO_IMAGE = 'Cannot find valid image after'  # mmengine's data sets, when each image was dropped
DEPTH = 3  # model.roi_head.bbox_head[0] is a part, its layers are not


@contextmanager
def explain_forward_errors(model: nn.Module, first: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Turn what stops a part's ``forward`` inside the block into an error that names the part and its giver.

    Losses, targets and post-processing are not ``forward``: what fails there is no matter of shapes between parts
    and passes unchanged.

    Args:
        model: the detector or segmentor, maybe wrapped for several processes.
        first: whether this may still be the first pass, asked when something went wrong; a later failure has
            other reasons than parts that do not fit.

    Raises:
        UserError: in place of the error of torch or of a host, which is its cause.
    """
    try:
        yield
    except UserError:
        raise
    except MISFITS as error:
        inner = getattr(model, 'module', model)
        text = describe_single_value(inner, error) or (describe_failure(inner, error) if first() else None)
        if text is None:
            raise
        raise UserError(text) from error
    except Exception as error:
        if NO_IMAGE not in str(error):
            raise
        raise UserError(
            f'the pipeline of the training left nothing of {_number_of_images(error)} images in a row.',
            rule='steps as FilterAnnotations and RandomCrop drop images of which they leave no object.',
            fix='smaller min_gt_bbox_wh, larger crops, allow_negative_crop=True, or other filters.') from error


def _number_of_images(error: BaseException) -> str:
    """How many images mmengine tried."""
    found = re.search(rf'{NO_IMAGE} (\d+)', str(error))
    return found[1] if found else 'many'


def describe_single_value(model: nn.Module, error: BaseException) -> str | None:
    """The message for a norm that saw one value a channel; None for another error."""
    if not any(words in str(error) for words in NO_VARIANCE):
        return None
    names = {module: name for name, module in model.named_modules()}
    step, name = error.__traceback__, None
    while step is not None:
        part = step.tb_frame.f_locals.get('self')
        if isinstance(part, nn.Module) and part in names:
            name = names[part]
        step = step.tb_next
    if name is None:
        return None
    return (f'{norm_text(model, name)} sees a single value a channel: {error}. Rule: a norm needs two values to have a '
            'variance. Fix: train_dataloader.batch_size=2 or more, drop_last=True where the last batch of an epoch is '
            "one image, larger images, or a norm_cfg without batch statistics (dict(type='GN', num_groups=...)).")


def describe_failure(model: nn.Module, error: BaseException) -> str | None:
    """The message for an error that left the ``forward`` of a part of ``model``; None where it came from elsewhere."""
    parts = {module: name for name, module in model.named_modules() if _is_part(name)}
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        part = frame.f_locals.get('self')
        if isinstance(part, nn.Module) and part in parts and frame.f_code.co_name == 'forward':
            giver = _giver(model, parts[part])
            tensors = _tensors(frame)
            if giver is None or not tensors:
                return None
            given = Given(f'model.{giver} ({type(model.get_submodule(giver)).__name__})', tensors, side=None,
                          rois='roi_extractor' in giver)
            return misfit_text(f'model.{parts[part]}', part, given, error)
        step = step.tb_next
    return None


def _is_part(name: str) -> bool:
    words = name.split('.')
    return 0 < len(words) <= DEPTH and words[0] not in ('', 'data_preprocessor') and 'loss' not in name


def _giver(model: nn.Module, path: str) -> str | None:
    """The part whose output the part at ``path`` reads; None for the backbone, which reads the image."""
    names = {name for name, _ in model.named_modules()}
    owner, _, name = path.rpartition('.')
    if name.isdigit():
        owner, _, name = owner.rpartition('.')
    extractor = f'{owner}.{name.removesuffix("_head")}_roi_extractor'
    if name.endswith('_head') and extractor in names:
        return extractor
    for giver in ('neck', 'backbone'):
        if path.split('.')[0] == giver:
            continue
        if giver in names and path.split('.')[0] != 'backbone':
            return giver
    return None


def _tensors(frame: FrameType) -> list[Tensor]:
    """Tensors of four axes or more among the arguments of a running function, those in lists included."""
    code = frame.f_code
    found: list[Tensor] = []
    for name in code.co_varnames[:code.co_argcount]:
        value = frame.f_locals.get(name)
        found += [t for t in (value if isinstance(value, (list, tuple)) else [value])
                  if isinstance(t, Tensor) and t.dim() >= 4]
    return found
