"""Which kernel serves which operator of ``mmcv.ops``; imports nothing but the standard library until it is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from . import install
from .torchvision_ops import torchvision_ops

COMPILED = 'mmcv (compiled)'
OURS = 'mmseg_plugins (PyTorch)'
TORCHVISION = 'torchvision'
MISSING = 'missing'

# Operators that mmdet and mmsegmentation take from mmcv's compiled module, and where torchvision's kernel serves them.
# Its roi_pool rounds RoIs to whole pixels first and gives other numbers than mmcv's; on a CPU its nms, roi_align and
# deform_conv2d are loops like mmcv's, and ours are faster.
OPERATORS: dict[str, tuple[str, ...]] = {
    'nms': ('cuda', ),
    'soft_nms': (),
    'nms_match': (),
    'roi_align': ('cuda', ),
    'roi_pool': (),
    'sigmoid_focal_loss': (),
    'softmax_focal_loss': (),
    'deform_conv': ('cuda', ),
    'modulated_deform_conv': ('cuda', ),
    'ms_deform_attn': (),
    'carafe': (),
    'psa_mask': (),
    'masked_conv': (),
    'deform_roi_pool': (),
    'sync_bn': (),
}


def operator_sources(device: str = 'cpu') -> dict[str, str]:
    """Where each operator of ``mmcv.ops`` comes from on a kind of device.

    Args:
        device: ``cpu`` or ``cuda``.

    Returns:
        Operator -> ``mmcv (compiled)``, ``torchvision``, ``mmseg_plugins (PyTorch)``, or ``missing`` where ``mmcv.ops``
        cannot be imported at all: nothing stands in for ``mmcv._ext`` (see :mod:`mmseg_plugins.ops.install`).
    """
    folder = install.mmcv_folder()
    if folder is not None and install.compiled_module(folder):
        return dict.fromkeys(OPERATORS, COMPILED)
    if folder is None or not install.stands_in(folder):
        return dict.fromkeys(OPERATORS, MISSING)
    return {name: TORCHVISION if device in devices and torchvision_ops() else OURS
            for name, devices in OPERATORS.items()}


@contextmanager
def serving(extension: ModuleType) -> Iterator[None]:
    """Let ``mmcv.ops`` take its functions from ``extension`` instead of ``mmcv._ext``, to compare the two."""
    modules = [module for name, module in sys.modules.items()
               if name.startswith('mmcv.ops.') and hasattr(module, 'ext_module')]
    before = [module.ext_module for module in modules]
    try:
        for module in modules:
            module.ext_module = extension  # type: ignore[attr-defined]
        yield
    finally:
        for module, own in zip(modules, before, strict=True):
            module.ext_module = own  # type: ignore[attr-defined]
