"""Several optimizers that step together after one backward pass, each with a part of the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict, build_optim_wrapper
from torch import Tensor, nn

from mmseg_plugins.registry import OPTIM_WRAPPER_CONSTRUCTORS
from mmseg_plugins.utils.errors import UserError


class JointOptimWrapper(OptimWrapperDict):
    """mmengine's ``OptimWrapperDict`` for models whose losses go into one sum, so that its ``train_step`` serves.

    mmengine's own leaves backward passes and steps to the model's ``train_step``, which its wrapper for several
    processes does not call.  Here the sum of the losses has one backward pass and then all optimizers step.  The model
    sees to it that no term reaches the weights of another part.  Mixed precision has one scaler for all of them.

    Args:
        wrappers: The wrappers by name, in the order in which they step; all plain, or all ``AmpOptimWrapper``.

    Raises:
        UserError: mixed kinds, or different ``accumulative_counts``.
    """

    def __init__(self, **wrappers: OptimWrapper) -> None:
        super().__init__(**wrappers)
        self.lead = next(iter(wrappers.values()))
        kinds = {name: type(one).__name__ for name, one in wrappers.items()}
        counts = {name: one._accumulative_counts for name, one in wrappers.items()}
        for what, found in (('type', kinds), ('accumulative_counts', counts)):
            if len(set(found.values())) > 1:
                raise UserError(f'optim_wrapper: {what} is {", ".join(f"{v} of {k}" for k, v in found.items())}.',
                                rule='optimizers that step together have the same.', fix='write one value in all.')
        self.scaler = self.lead.loss_scaler if isinstance(self.lead, AmpOptimWrapper) else None
        if self.scaler is not None:
            for one in wrappers.values():
                one.loss_scaler = self.scaler

    def update_params(self, loss: Tensor, step_kwargs: dict | None = None, zero_kwargs: dict | None = None) -> None:
        """Backward pass of the sum of all losses; a step of all optimizers when it is due."""
        self.lead.backward(self.lead.scale_loss(loss))
        for one in self.optim_wrappers.values():
            one._inner_count = self.lead._inner_count
        if self.lead.should_update():
            self.step(**(step_kwargs or {}))
            self.zero_grad(**(zero_kwargs or {}))

    def step(self, **kwargs: Any) -> None:
        """A step of all optimizers, each with the clipping of its own wrapper."""
        for one in self.optim_wrappers.values():
            if self.scaler is None:
                one.step(**kwargs)
                continue
            if one.clip_grad_kwargs:
                self.scaler.unscale_(one.optimizer)
                one._clip_grad()
            self.scaler.step(one.optimizer, **kwargs)
        if self.scaler is not None:
            self.scaler.update(self.lead._scale_update_param)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Mixed precision, and no synchronization of gradients that are only added up."""
        with self.lead.optim_context(model):
            yield

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        """Tell all wrappers where the run stands."""
        for one in self.optim_wrappers.values():
            one.initialize_count_status(model, cur_iter, max_iters)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class OptimizerPerPart:
    """One optimizer wrapper for each part of a model.

    .. code-block:: python

        optim_wrapper = dict(
            constructor='mmseg_plugins.OptimizerPerPart',
            segmentor=dict(optimizer=dict(type='SGD', lr=2.5e-4)),  # everything else
            discriminator=dict(optimizer=dict(type='Adam', lr=1e-4)))  # model.discriminator
        param_scheduler = dict(segmentor=[...], discriminator=[...])

    A key that names a child of the model has that child's parameters; one other key, whatever its name, has all the
    rest.  Each value is what ``optim_wrapper`` is for one optimizer, with ``paramwise_cfg`` and ``constructor``.

    Raises:
        UserError: ``paramwise_cfg`` next to the parts, or another number of keys that name no child.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        if paramwise_cfg is not None:
            raise UserError('OptimizerPerPart: optim_wrapper.paramwise_cfg.', rule='each part has its own.',
                            fix='write it in the part.')
        self.parts = {key: value for key, value in optim_wrapper_cfg.items() if key != 'type'}

    def __call__(self, model: nn.Module) -> JointOptimWrapper:
        """Build the wrappers for ``model``."""
        children = dict(getattr(model, 'module', model).named_children())
        rest = [key for key in self.parts if key not in children]
        if len(rest) != 1 or not all(isinstance(value, dict) for value in self.parts.values()):
            raise UserError(f'OptimizerPerPart: optim_wrapper has {", ".join(self.parts)}; the model consists of '
                            f'{", ".join(children)}.',
                            rule='each key holds the optimizer of the child of its name, one other that of the rest.',
                            fix='correct the keys.')
        named = {key: {key: children[key]} for key in self.parts if key in children}
        named[rest[0]] = {name: child for name, child in children.items() if name not in named}
        return JointOptimWrapper(**{key: build_optim_wrapper(nn.ModuleDict(named[key]), dict(self.parts[key]))
                                    for key in self.parts})
