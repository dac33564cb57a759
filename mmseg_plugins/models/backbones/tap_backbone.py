"""A backbone with more outputs: maps of named inner modules in front of its own.

Stock ResNets give the outputs of their stages, not the stem's; MaskLab's hypercolumn (https://arxiv.org/abs/1712.04837,
section 3) and other decoders read the stem's map, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class TapBackbone(BaseModule):
    """Any backbone, with the outputs of some of its inner modules put in front of its own.

    .. code-block:: none

        image -> net -> (maps of net)
                  |
                  +-> taps -> (tapped maps, maps of net)

    ``taps=['relu']`` is the stem of a stock ResNet before its pooling (stride 2), ``['maxpool']`` after it (stride 4).
    Weights, initial weights, freezing and norm modes are those of ``net``; its parameters are named ``net.*``.

    Args:
        net: Config of a backbone, with its prefix (``mmdet.ResNet``).
        taps: Names of modules inside it, as in ``named_modules()``.

    Shape:
        (B, 3, H, W) -> one map for each tap in the order of ``taps``, then the maps of ``net``.

    Raises:
        ValueError: no such module (near names are listed); a tapped module gave no map, or ran more than once.
    """

    def __init__(self, *, net: dict, taps: Sequence[str], init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.net = MODELS.build(net)
        self.taps = list(taps)
        known = dict(self.net.named_modules())
        for name in self.taps:
            if name not in known:
                top = sorted(key for key in known if key and '.' not in key)
                raise ValueError(f'TapBackbone: taps={self.taps}, but {type(self.net).__name__} has no module '
                                 f'{name!r}; its top modules are {top}')

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give the tapped maps, then the maps of ``net``."""
        seen: dict[str, Tensor] = {}
        # Hooks live for one call only: a hook kept on a module would be shared with deep copies of it (EMA).
        handles = [
            self.net.get_submodule(name).register_forward_hook(partial(self._keep, seen, name)) for name in self.taps
        ]
        try:
            outs = self.net(x)
        finally:
            for handle in handles:
                handle.remove()
        missing = [name for name in self.taps if name not in seen]
        if missing:
            raise ValueError(f'TapBackbone: {missing} did not run in the forward pass of {type(self.net).__name__}')
        return (*(seen[name] for name in self.taps), *outs)

    def _keep(self, seen: dict[str, Tensor], name: str, module: nn.Module, args: Any, out: Any) -> None:
        if not isinstance(out, Tensor) or out.dim() != 4:
            shape = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
            raise ValueError(f'TapBackbone: {name!r} of {type(self.net).__name__} gives {shape}, not a map '
                             '(B, C, H, W); tap a module that gives one')
        if name in seen:
            raise ValueError(f'TapBackbone: {name!r} runs more than once in {type(self.net).__name__}; tap a module '
                             'that runs once')
        seen[name] = out
