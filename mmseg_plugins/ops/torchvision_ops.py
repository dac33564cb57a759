"""torchvision's compiled operators, where they are there.  Nothing here imports torchvision before it is asked."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType


@functools.cache
def torchvision_ops() -> ModuleType | None:
    """``torchvision.ops``, or None where torchvision is absent or does not fit the installed torch.

    A torchvision built for another torch raises RuntimeError (an operator is missing), OSError or AttributeError
    when it is imported.
    """
    try:
        ops = importlib.import_module('torchvision.ops')
        has_kernels = importlib.import_module('torchvision.extension')._has_ops()
    except (ImportError, RuntimeError, OSError, AttributeError):
        return None
    return ops if has_kernels else None
