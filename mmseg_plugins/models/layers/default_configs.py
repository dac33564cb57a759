"""Default configs of arguments where ``None`` means 'none'; nobody can modify them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

BATCH_NORM: Mapping[str, Any] = MappingProxyType(dict(type='BN'))
GROUP_NORM: Mapping[str, Any] = MappingProxyType(dict(type='GN', num_groups=32))
RELU: Mapping[str, Any] = MappingProxyType(dict(type='ReLU'))


def own_dict(cfg: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A dict of the caller's own; ``None`` stays."""
    return None if cfg is None else dict(cfg)
