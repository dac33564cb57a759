"""Segmentors, only where a host's own cannot be composed."""

from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder

__all__ = ['MultiScaleEncoderDecoder']
