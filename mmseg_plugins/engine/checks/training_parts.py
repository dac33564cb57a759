"""What of a built model, optimizer or data loader cannot be trained: asked before the first step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.model import is_model_wrapper
from torch import Tensor, nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.utils.data import DataLoader

from mmseg_plugins.engine.checks.training_config import ENDLESS, check_config_of_training, refuse_endless
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.rng import preserved_rng

SIDES = (128, 256)  # px of the images that tell norms of single values from small maps
NO_VARIANCE = ('more than 1 value per channel', 'more than 1 spatial element')  # what torch says of them


def check_training(runner: Any) -> None:
    """All that is told before a data set is built: config, model and optimizer of a runner, which is built here.

    Raises:
        UserError: see :mod:`.training_config`, :func:`check_trainable` and :func:`check_optimizer`.
    """
    check_config_of_training(runner.cfg, runner.hooks)
    if next(_inner(runner.model).parameters(), None) is None:
        raise UserError(f'{type(_inner(runner.model)).__name__} has no parameters: there is nothing to train.',
                        fix='mmseg-plugins test CONFIG, or predict, which need no checkpoint here.')
    if runner.optim_wrapper is None:
        return
    check_trainable(runner.model)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    check_optimizer(runner.optim_wrapper)
    loader = runner.cfg.get('train_dataloader')
    if isinstance(loader, Mapping) and loader.get('batch_size') == 1 and 'batch_sampler' not in loader:
        _refuse_single_values(_inner(runner.model), 1)


def check_trainable(model: nn.Module) -> None:
    """Refuse a model that learns nothing, layers without channels, norms that nothing syncs, wrong class weights.

    Raises:
        UserError: naming the model's parts, or the loss.
    """
    model = _inner(model)
    parameters = list(model.parameters())
    if not any(parameter.requires_grad for parameter in parameters):
        parts = ', '.join(name for name, child in model.named_children() if next(child.parameters(), None) is not None)
        raise UserError(
            f'the optimizer has nothing to train: all {len(parameters)} parameters of the model are frozen'
            f'{f" ({parts})" if parts else ""}.',
            fix='frozen_stages=-1 of the backbone, or freeze fewer parts.',
        )
    empty = next((name for name, part in model.named_modules()
                  if isinstance(part, (nn.Linear, _ConvNd)) and part.weight.numel() == 0), None)
    if empty is not None:
        raise UserError(f'{norm_text(model, empty)} has no weights: its channels are 0.', rule='a layer has channels.',
                        fix='give the part that it belongs to a number of channels above 0.')
    synced = next((name for name, part in model.named_modules() if isinstance(part, SyncBatchNorm)), None)
    if synced is not None and get_world_size() > 1 and get_device() == 'cpu':
        raise UserError(
            f'{norm_text(model, synced)} shares its statistics between {get_world_size()} processes.',
            rule='torch does so on GPUs alone.',
            fix="norm_cfg=dict(type='BN'), as everywhere without GPUs.",
        )
    check_class_weights(model)


def check_optimizer(wrapper: Any) -> None:
    """Refuse a wrapper without an optimizer, and optimizers whose groups hold no parameter that learns.

    Raises:
        UserError: naming the optimizer.
    """
    wrappers = wrapper.optim_wrappers.items() if hasattr(wrapper, 'optim_wrappers') else [('', wrapper)]
    if not wrappers:
        raise UserError('optim_wrapper names no optimizer.',
                        fix="optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)), say.")
    for name, one in wrappers:
        groups = one.optimizer.param_groups
        if not any(parameter.requires_grad for group in groups for parameter in group['params']):
            raise UserError(
                f'optim_wrapper{f".{name}" if name else ""}: none of the parameters of {type(one.optimizer).__name__} '
                'learns.',
                fix='its paramwise_cfg or constructor must leave it some that are not frozen.',
            )


def check_class_weights(model: nn.Module) -> None:
    """Refuse ``class_weight`` (or a list as mmseg's ``alpha``) that has another length than its head's scores.

    Raises:
        UserError: naming head and loss.
    """
    for path, owner in model.named_modules():
        for name, child in owner.named_children():
            losses = child if isinstance(child, nn.ModuleList) else [child]
            for loss in losses if name.startswith('loss') else ():
                channels = _score_channels(owner, name)
                for key in ('class_weight', 'alpha') if channels else ():
                    number = _length(getattr(loss, key, None))
                    if number is not None and number != channels:
                        raise UserError(
                            f'model.{path}.{name} ({type(loss).__name__}): {key} has {number} values, but '
                            f'{type(owner).__name__} gives {channels} scores.',
                            rule='one value a score, in the order of the classes' + (
                                ', the background or "no object" last.' if channels != getattr(
                                    owner, 'num_classes', channels) else '; none for void.'),
                            fix=f'give {channels} values (mmseg-plugins class-weights measures them).',
                        )


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, (list, tuple)) or getattr(value, 'ndim', 0) == 1 else None


def _score_channels(owner: nn.Module, loss: str) -> int | None:
    """How many scores a head gives to its loss; None where that is not known."""
    kinds = {cls.__name__ for cls in type(owner).__mro__}
    found: Any = None
    if 'BaseDecodeHead' in kinds:
        found = owner.out_channels
    elif loss == 'loss_cls' and isinstance(getattr(owner, 'fc_cls', None), nn.Linear):
        found = owner.fc_cls.out_features  # type: ignore[union-attr]
    elif loss == 'loss_cls' and isinstance(getattr(owner, 'cls_embed', None), nn.Linear):
        found = owner.cls_embed.out_features  # type: ignore[union-attr]
    elif loss == 'loss_cls':
        found = getattr(owner, 'cls_out_channels', None)
    return found if isinstance(found, int) else None


def check_loader(loader: DataLoader, model: nn.Module, *, by_epoch: bool | None) -> None:
    """Refuse loaders without a batch, without an end in a loop of epochs, and batches of one that a norm cannot take.

    Args:
        loader: Of the training.
        model: Maybe wrapped.
        by_epoch: Whether the loop counts epochs; None where it is not known.

    Raises:
        UserError: one of these.
    """
    batches: Any = loader.batch_sampler
    sampler: Any = getattr(batches, 'sampler', loader.sampler)
    kinds = {cls.__name__ for part in (sampler, batches, getattr(batches, 'inner', None)) for cls in type(part).__mro__}
    endless = sorted(kinds & set(ENDLESS))
    if endless and by_epoch:
        refuse_endless(endless[0])
    size, drop_last = getattr(batches, 'batch_size', None), bool(getattr(batches, 'drop_last', False))
    if not isinstance(size, int):
        return
    smallest = size
    if not endless:
        with suppress(TypeError):  # a sampler of unknown length
            if len(loader) == 0:
                raise UserError(
                    f'the training data loader gives no batch at all: {len(sampler)} images, batches of {size}'
                    f'{", drop_last=True" if drop_last else ""}.',
                    fix='check that the dataset is not empty, lower train_dataloader.batch_size, or drop_last=False.',
                )
            rest = len(sampler) % size
            smallest = rest if rest and not drop_last else size
    parts = getattr(batches, 'counts', None)  # of a PartsBatchSampler: each part of a batch has a forward pass
    if parts and min(parts) == 1:
        _refuse_single_values(_inner(model), 1, 2 * size)
    if smallest == 1:
        _refuse_single_values(_inner(model), size)


def _refuse_single_values(model: nn.Module, batch_size: int, enough: int = 2) -> None:
    names = single_value_norms(model)
    if names:
        more = f' and {len(names) - 1} more' if len(names) > 1 else ''
        last = '' if batch_size == 1 else ', which the last of an epoch is'
        raise UserError(
            f'{norm_text(model, names[0])}{more} sees a single value a channel in a batch of one image{last}.',
            rule='a norm needs two values to have a variance.',
            fix=(f'train_dataloader.batch_size={enough} or more' if batch_size == 1 else
                 'train_dataloader.drop_last=True, or another batch_size')
                + ", or a norm_cfg without batch statistics there (dict(type='GN', num_groups=...)).",
        )


def norm_text(model: nn.Module, name: str) -> str:
    """``model.decode_head.image_pool.1.bn (BatchNorm2d)``."""
    return f'model.{name} ({type(model.get_submodule(name)).__name__})'


def single_value_norms(model: nn.Module) -> list[str]:
    """Names of the batch and instance norms in training that see one value a channel of one image, whatever its size.

    One empty image goes through backbone, neck and the semantic heads in evaluation; modes, statistics and random
    generators are left as they were.  Nothing is found in a model whose parts do not take it.
    """
    size = getattr(getattr(model, 'data_preprocessor', None), 'size', None)
    sizes = [tuple(size)] if isinstance(size, (tuple, list)) else [(side, side) for side in SIDES]
    found: list[str] | None = None
    for height, width in sizes:
        names = _single_values_at(model, height, width)
        found = names if found is None else [name for name in found if name in names]
        if not found:
            return []
    return found or []


def _single_values_at(model: nn.Module, height: int, width: int) -> list[str]:
    modes = {module: module.training for module in model.modules()}
    found: list[str] = []
    handles = []
    try:
        model.train()
        for name, module in model.named_modules():
            shared = isinstance(module, SyncBatchNorm) and get_world_size() > 1
            if isinstance(module, (_BatchNorm, _InstanceNorm)) and module.training and not shared:
                handles.append(module.register_forward_pre_hook(_noting(found, name)))
        model.eval()
        first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
        weight = next(model.parameters(), torch.zeros(()))
        image = torch.zeros(1, first.in_channels if first is not None else 3, height, width, device=weight.device)
        with preserved_rng(), torch.no_grad():
            _run(model, image)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    return found


def _noting(found: list[str], name: str) -> Any:
    def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        x = inputs[0]
        if isinstance(x, Tensor) and x[:, :1].numel() == 1:
            found.append(name)

    return note


def _run(model: nn.Module, image: Tensor) -> None:
    """Backbone, neck and the heads that read all maps; whatever does not take the image is left out."""
    with suppress(Exception):  # training says it better than an empty image does
        maps = model.extract_feat(image)  # type: ignore[operator]
        for part in _heads(model):
            with suppress(Exception):
                part(maps)


def _heads(model: nn.Module) -> Iterator[nn.Module]:
    for name in ('decode_head', 'auxiliary_head'):
        head = getattr(model, name, None)
        if isinstance(head, nn.Module):
            yield from head if isinstance(head, nn.ModuleList) else [head]


def _inner(model: nn.Module) -> nn.Module:
    return model.module if is_model_wrapper(model) else model  # type: ignore[return-value]
