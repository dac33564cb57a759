"""Necks: a tuple of maps in, a tuple of maps out; no host is imported here."""

from .panet_fpn import PANetFPN
from .psenet_fpn import PSENetFPN
from .simple_feature_pyramid import LN2d, SimpleFeaturePyramid

__all__ = ['LN2d', 'PANetFPN', 'PSENetFPN', 'SimpleFeaturePyramid']
