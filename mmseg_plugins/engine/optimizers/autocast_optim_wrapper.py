"""Mixed precision where mmengine has none: bfloat16 on a CPU, or on any device without a loss scale.

mmengine's ``AmpOptimWrapper`` wants an accelerator.  bfloat16 has the exponents of float32, so that gradients do not
vanish and no loss scale is needed (https://docs.pytorch.org/docs/stable/amp.html).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict
from torch import nn

from mmseg_plugins.registry import OPTIM_WRAPPERS
from mmseg_plugins.utils.environment import cpu_flags


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """An ``OptimWrapper`` whose forward passes run under ``torch.autocast`` in bfloat16, on the model's device.

    Convolutions and matrix products compute in bfloat16; weights, losses and the optimizer stay float32.  A CPU with
    AMX computes dense convolutions several times faster this way; one without bfloat16 instructions gains nothing, and
    a warning says so.  Checkpoints are those of an ``OptimWrapper``.

    Args:
        enabled: False computes in float32, so that one option turns it off.
        **kwargs: Of ``OptimWrapper``.
    """

    def __init__(self, enabled: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.enabled = enabled
        flags = cpu_flags()
        if enabled and get_device() == 'cpu' and flags and not flags & {'amx_bf16', 'avx512_bf16'}:
            print_log('AutocastOptimWrapper: this CPU has no bfloat16 instructions (amx_bf16, avx512_bf16), so nothing '
                      "becomes faster. Fix: optim_wrapper.type='OptimWrapper'.",
                      logger='current', level=logging.WARNING)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast of one training step, in addition to what ``OptimWrapper`` does while gradients accumulate."""
        first = next(model.parameters(), None)
        kind = get_device() if first is None else first.device.type
        with super().optim_context(model), torch.autocast(kind, torch.bfloat16, enabled=self.enabled):
            yield


def precision_of(wrapper: Any) -> str:
    """In what a training computes its layers: ``float32``, or the type of mixed precision.

    Args:
        wrapper: An ``OptimWrapper``, or an ``OptimWrapperDict`` of several, which share one type.
    """
    parts = wrapper.optim_wrappers.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    for part in parts:
        if isinstance(part, AutocastOptimWrapper) and part.enabled:
            return 'bfloat16'
        if isinstance(part, AmpOptimWrapper):
            return str(part.cast_dtype or torch.float16).removeprefix('torch.')
    return 'float32'
