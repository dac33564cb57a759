"""Maps in the memory format ``channels_last`` where convolutions of few channels are slow without it.

PyTorch's convolutions keep the format of their input, so that the input alone decides for a whole backbone and for what
reads its maps.  Weights stay as they are: checkpoints, optimizers and several processes notice nothing.
https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html

Depthwise convolutions gain on a CPU (EfficientNet, MobileNet); plain ones do not (docs/cpu.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from mmseg_plugins.registry import HOOKS
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Give modules their four-dimensional inputs in ``torch.channels_last``, in training, validation and test.

    Values stay the same but for rounding, since another kernel adds in another order.

    Args:
        modules: Their names in the model, as ``named_modules()`` has them.

    Shape:
        (B, C, H, W) -> (B, C, H, W), C the fastest in memory.

    Raises:
        UserError: the model has no module of such a name.
    """

    def __init__(self, modules: Sequence[str] = ('backbone', )) -> None:
        self.modules = (modules, ) if isinstance(modules, str) else tuple(modules)
        self._handles: list[RemovableHandle] = []

    def before_run(self, runner: Any) -> None:
        """Begin."""
        self.attach(runner.model.module if is_model_wrapper(runner.model) else runner.model)

    def attach(self, model: nn.Module) -> None:
        """Begin in a model without a run; a module that has the format already stays as it is.

        Raises:
            UserError: the model has no module of such a name.
        """
        known = dict(model.named_modules())
        for name in self.modules:
            if name not in known:
                raise UserError(f'ChannelsLastHook: modules={list(self.modules)}, but {type(model).__name__} has no '
                                f'module {name!r}{did_you_mean(name, known)}.', fix='correct modules in custom_hooks.')
        self._handles = [known[name].register_forward_pre_hook(_reorder) for name in self.modules
                         if _reorder not in known[name]._forward_pre_hooks.values()]

    def after_run(self, runner: Any) -> None:
        """Leave the model as it was."""
        while self._handles:
            self._handles.pop().remove()


def _reorder(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.contiguous(memory_format=torch.channels_last) if isinstance(x, Tensor) and x.dim() == 4 else x
                 for x in inputs)
