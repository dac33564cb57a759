"""Distributed training on machines without a GPU, which mmengine takes for granted.

mmengine calls ``torch.cuda.set_device`` when it starts a process group and
names a GPU to ``DistributedDataParallel``; both fail on a CPU.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from mmengine.config import Config

from mmseg_plugins.utils.errors import UserError


def start_gloo(launcher: str) -> None:
    """Join the process group of a launcher over gloo, if there is no GPU and none was joined.

    Raises:
        RuntimeError: a launcher other than ``pytorch``: mmengine's way of joining those needs a GPU.
    """
    if launcher == 'none' or torch.cuda.is_available() or dist.is_initialized():
        return
    if launcher != 'pytorch':
        raise UserError(
            f'launcher {launcher!r} needs GPUs, and torch sees none.',
            fix=(
                'without GPUs use --launcher pytorch (tools/dist_train.sh); with GPUs check the driver, and that '
                'torch is a CUDA build (make doctor).'
            ),
        )
    dist.init_process_group('gloo')


def cpu_wrapper(cfg: Config, wrapper: dict[str, Any] | None) -> dict[str, Any] | None:
    """The model wrapper's config with no GPU named in it; unchanged where there is one."""
    if torch.cuda.is_available():
        return wrapper
    plain = {
        'type': 'MMDistributedDataParallel',
        'broadcast_buffers': False,
        'find_unused_parameters': cfg.get('find_unused_parameters', False),
    }
    return {**(wrapper or plain), 'device_ids': None}
