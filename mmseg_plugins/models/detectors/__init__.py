"""Detectors, only where a host's own cannot be composed."""

from .classical_detector import ClassicalDetector, ThresholdWatershed
from .instance_fcn import InstanceFCN
from .tiled_solo import TiledSOLO

__all__ = ['ClassicalDetector', 'InstanceFCN', 'ThresholdWatershed', 'TiledSOLO']
