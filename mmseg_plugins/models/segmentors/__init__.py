"""Segmentors, only where a host's own cannot be composed."""

from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .rotation_averaging import RotationAveragingEncoderDecoder

__all__ = ['MultiScaleEncoderDecoder', 'RotationAveragingEncoderDecoder']
