"""Backbones: a tensor in, a tuple of maps out; no host is imported here."""

from .ceil_pool_resnet import CeilPoolResNet
from .convnext import ConvNeXt

__all__ = ['CeilPoolResNet', 'ConvNeXt']
