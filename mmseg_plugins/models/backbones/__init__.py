"""Backbones: an image tensor in, a tuple of maps out; no host is imported here."""

from .vgg import VGG

__all__ = ['VGG']
