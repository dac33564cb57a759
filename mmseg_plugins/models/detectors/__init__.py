"""Detectors, only where a host's own cannot be composed."""

from .classical_detector import ClassicalDetector, ThresholdWatershed
from .four_level_mask2former import FourLevelMask2Former
from .instance_fcn import InstanceFCN
from .prompted_detector import GrabCutFromBoxes, WatershedFromClicks
from .tiled_mask2former import TiledMask2Former
from .tiled_solo import TiledSOLO

__all__ = [
    'ClassicalDetector', 'FourLevelMask2Former', 'GrabCutFromBoxes', 'InstanceFCN', 'ThresholdWatershed',
    'TiledMask2Former', 'TiledSOLO', 'WatershedFromClicks'
]
