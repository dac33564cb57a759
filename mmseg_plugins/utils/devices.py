"""Where tensors live: an accelerator if there is one, or the named device if it can be used."""

from __future__ import annotations

import torch

from mmseg_plugins.utils.errors import UserError


def find_accelerator() -> str:
    """``cuda``, else what ``torch.accelerator`` names (mps, xpu, ...), else ``cpu``."""
    if torch.cuda.is_available():
        return 'cuda'
    accelerator = getattr(torch, 'accelerator', None)  # of torch >= 2.6
    if accelerator is not None:
        if accelerator.is_available():
            return str(accelerator.current_accelerator().type)
        return 'cpu'
    if torch.backends.mps.is_available():
        return 'mps'
    xpu = getattr(torch, 'xpu', None)
    return 'xpu' if xpu is not None and xpu.is_available() else 'cpu'


def usable_device(device: str | torch.device = 'auto') -> torch.device:
    """The device of a name, if this machine has it; ``auto`` is :func:`find_accelerator`.

    Raises:
        UserError: no such device.
    """
    try:
        found = torch.device(find_accelerator() if device == 'auto' else device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].rstrip('.')
        raise UserError(
            f'device {str(device)!r} cannot be used: {reason}.',
            fix='auto, cpu, or cuda:0 where there is a GPU and a torch built for it.',
        ) from error
    return found
