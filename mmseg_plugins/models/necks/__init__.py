"""Necks: a tuple of maps in, a tuple of maps out; no host is imported here."""

from .panet_fpn import PANetFPN
from .psenet_fpn import PSENetFPN
from .raw_maps_neck import RawMapsNeck
from .simple_feature_pyramid import LN2d, SimpleFeaturePyramid
from .unet_decoder import UNetDecoder

__all__ = ['LN2d', 'PANetFPN', 'PSENetFPN', 'RawMapsNeck', 'SimpleFeaturePyramid', 'UNetDecoder']
