"""Segmentors, only where a host's own cannot be composed."""

from .bayesian_encoder_decoder import BayesianEncoderDecoder
from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder

__all__ = ['BayesianEncoderDecoder', 'MultiScaleEncoderDecoder']
