"""Decode heads with mmseg's contract."""

from .dilation_head import DilationHead
from .own_classifier_head import OwnClassifierHead
from .unet_head import UNetHead

__all__ = ['DilationHead', 'OwnClassifierHead', 'UNetHead']
