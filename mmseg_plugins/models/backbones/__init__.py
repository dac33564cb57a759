"""Backbones: an image tensor in, a tuple of maps out; no host is imported here."""

from .tap_backbone import TapBackbone
from .vgg import VGG

__all__ = ['TapBackbone', 'VGG']
