"""Compiled mmcv reads every map as if its memory were in the order of its shape.

Its ``RoIAlign`` and ``ModulatedDeformConv2d`` give wrong numbers for maps in ``torch.channels_last`` without a word;
other operators stop.  Any convolution hands that format on, so that a backbone in it, or a norm that permutes
(ViTDet's), is enough.  Seen in mmcv 2.1.0; the kernels read from ``data_ptr`` on
(https://github.com/open-mmlab/mmcv/blob/v2.1.0/mmcv/ops/csrc/pytorch/cpu/roi_align.cpp).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from torch import Tensor
from torch.autograd import Function

from . import install


def take_any_layout() -> None:
    """Let the operators of compiled mmcv take tensors of any memory format; calling it again changes nothing.

    Each ``Function`` of ``mmcv.ops`` gets its tensors, and the gradients of its results, in the order that the kernels
    read.  That costs a copy where the format differs, and nothing elsewhere.  Without compiled mmcv nothing is done:
    the operators that stand in for it take any format.
    """
    folder = install.mmcv_folder()
    if folder is None or install.compiled_module(folder) is None:
        return
    import mmcv.ops  # noqa: F401

    for name, module in list(sys.modules.items()):
        if not name.startswith('mmcv.ops.'):
            continue
        for found in list(vars(module).values()):
            if isinstance(found, type) and issubclass(found, Function) and found.__module__ == name:
                for step in ('forward', 'backward'):
                    _order(found, step)


def _order(function: type[Function], step: str) -> None:
    """Replace a static method by one that hands on contiguous tensors."""
    own: Callable[..., Any] | None = getattr(vars(function).get(step), '__func__', None)
    if own is None or hasattr(own, 'takes_any_layout'):
        return

    @wraps(own)
    def ordered(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        return own(ctx, *map(_contiguous, args), **{key: _contiguous(value) for key, value in kwargs.items()})

    ordered.takes_any_layout = True  # type: ignore[attr-defined]
    setattr(function, step, staticmethod(ordered))


def _contiguous(value: Any) -> Any:
    return value.contiguous() if isinstance(value, Tensor) else value
