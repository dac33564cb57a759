"""RMSProp as Theano's Lasagne computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from mmseg_plugins.registry import OPTIMIZERS


@OPTIMIZERS.register_module()
class LasagneRMSprop(Optimizer):
    """RMSProp with epsilon under the root: ``p -= lr g / sqrt(a + eps)``, ``a`` the running mean of ``g^2``.

    ``torch.optim.RMSprop`` adds epsilon outside the root, so that with its default a gradient of 1e-5 takes a step of
    about ``lr``; here, with eps = 1e-6, it takes a hundredth of it.  Recipes tuned for one do not carry over.

    Args:
        params: Parameters or groups.
        lr: Step size.
        rho: Decay of the running mean.
        eps: Epsilon, in squared units of the gradient.
        weight_decay: Added to the gradient as ``weight_decay * p``; a penalty of ``c * sum(p^2)`` is ``2 c``.

    Raises:
        ValueError: a setting out of its range.

    Reference:
        https://github.com/Lasagne/Lasagne (lasagne/updates.py, ``rmsprop``).
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, rho: float = 0.9, eps: float = 1e-6,
                 weight_decay: float = 0.0) -> None:
        if lr < 0 or eps <= 0 or weight_decay < 0 or not 0 <= rho < 1:
            raise ValueError(f'LasagneRMSprop: lr={lr} and weight_decay={weight_decay} must be at least 0, eps={eps} '
                             f'above 0, rho={rho} in [0, 1)')
        super().__init__(params, dict(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group['params']:
                if parameter.grad is not None:
                    self._change(parameter, parameter.grad, group)
        return loss

    def _change(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        if group['weight_decay']:
            gradient = gradient.add(parameter, alpha=group['weight_decay'])
        state = self.state[parameter]
        if not state:
            state['square_avg'] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        average = state['square_avg']
        average.mul_(group['rho']).addcmul_(gradient, gradient, value=1 - group['rho'])
        parameter.addcdiv_(gradient, (average + group['eps']).sqrt_(), value=-group['lr'])
