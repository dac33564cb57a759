"""Segmentors, only where a host's own cannot be composed."""

from .bayesian_encoder_decoder import BayesianEncoderDecoder
from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .rotation_averaging import RotationAveragingEncoderDecoder

__all__ = ['BayesianEncoderDecoder', 'MultiScaleEncoderDecoder', 'RotationAveragingEncoderDecoder']
