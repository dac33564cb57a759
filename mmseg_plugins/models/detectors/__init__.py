"""Detectors that a host's own cannot be composed to."""

from .tiled_solo import TiledSOLO

__all__ = ['TiledSOLO']
