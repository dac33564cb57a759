"""Stop at the very step whose loss is not finite, before the weights are touched."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn

from mmseg_plugins.registry import HOOKS
from mmseg_plugins.utils.errors import UserError


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Check the summed loss of every training step between forward and backward.

    mmengine sums every term whose name contains ``loss``; that sum is finite if
    and only if all terms are and nothing overflows, so one number is looked at.
    On a GPU this waits once per step for the forward pass, where mmengine's own
    logging waits once per logged value after the step.  Infinite *gradients*,
    which a loss scaler of mixed precision provokes and skips, are not losses.

    Under DDP each rank checks its own loss; the failing rank's exit makes the
    launcher stop the others, which wait in backward, their weights unchanged.

    Args:
        max_images: how many image paths the message lists at most.
    """

    priority = 'VERY_LOW'

    def __init__(self, *, max_images: int = 16) -> None:
        if max_images < 0:
            raise UserError(f'max_images={max_images}: must be 0 or more')
        self.max_images = max_images
        self._batch: Any = None
        self._handle: Any = None

    def before_train(self, runner: Any) -> None:
        """Look at the losses from here on: torch calls a hook after the model's ``forward``, before backward."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not hasattr(model, 'parse_losses'):
            runner.logger.warning(
                f'{type(model).__name__} has no parse_losses, so FiniteLossHook cannot check its losses.'
            )
            return

        def look(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], losses: Any) -> None:
            if kwargs.get('mode') == 'loss':
                self._check(runner, model, losses)

        self._release()
        # A function, which a copy of the model (of an EMA) shares: a method would take the runner along.
        self._handle = model.register_forward_hook(look, with_kwargs=True)

    def after_train(self, runner: Any) -> None:
        """Look no longer."""
        self._release()

    def _release(self) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Remember the batch for the message."""
        self._batch = data_batch

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Let the batch go."""
        self._batch = None

    def _check(self, runner: Any, model: Any, losses: dict[str, Any]) -> None:
        with torch.no_grad():
            parsed = model.parse_losses(losses)
        total = parsed[0] if isinstance(parsed, tuple) else parsed
        if isinstance(total, torch.Tensor) and not math.isfinite(total.sum().item()):
            raise UserError(self._message(runner, losses, total))

    def _message(self, runner: Any, losses: dict[str, Any], total: torch.Tensor) -> str:
        terms = [f'{name}={value}' for name, value in _values(losses) if not math.isfinite(value)]
        named = ', '.join(terms) or f'their sum={total.sum().item()} (each term is finite, so it overflowed)'
        rates = {name: values[0] for name, values in runner.optim_wrapper.get_lr().items() if values}
        paths = list(_image_paths(self._batch))
        shown = '\n  '.join(paths[: self.max_images]) or 'unknown (the samples carry no img_path)'
        more = f'\n  and {len(paths) - self.max_images} more' if len(paths) > self.max_images else ''
        finite = all(bool(torch.isfinite(p).all()) for p in runner.model.parameters())
        state = 'The weights are still finite.' if finite else 'The weights were already non-finite before this step.'
        return (
            f'the loss is not finite at iteration {runner.iter + 1} (epoch {runner.epoch + 1}): {named}. Learning rate '
            f'{", ".join(f"{k} {v:.3g}" for k, v in rates.items())}. {state}\nImages of the batch:\n  {shown}{more}\n'
            'Fix: look at these images and their annotations; else lower the learning rate (it belongs to a batch '
            'size) or clip gradients (optim_wrapper.clip_grad=dict(max_norm=35)). finite_loss=False turns this off.'
        )


def _values(losses: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Name and mean of each term; a list of levels gives ``name[i]``."""
    for name, value in losses.items():
        if isinstance(value, torch.Tensor):
            yield name, value.detach().float().mean().item()
        elif isinstance(value, (list, tuple)):
            for level, item in enumerate(value):
                yield f'{name}[{level}]', item.detach().float().mean().item()


def _image_paths(item: Any) -> Iterator[str]:
    """``img_path`` of every sample in a batch of any nesting."""
    if isinstance(item, dict):
        if isinstance(item.get('img_path'), str):
            yield item['img_path']
        for value in item.values():
            yield from _image_paths(value)
    elif isinstance(item, (list, tuple)):
        for value in item:
            yield from _image_paths(value)
    elif isinstance(getattr(item, 'img_path', None), str):
        yield item.img_path
