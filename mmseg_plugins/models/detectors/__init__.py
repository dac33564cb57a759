"""Detectors, only where a host's own cannot be composed."""

from .instance_fcn import InstanceFCN
from .tiled_solo import TiledSOLO

__all__ = ['InstanceFCN', 'TiledSOLO']
