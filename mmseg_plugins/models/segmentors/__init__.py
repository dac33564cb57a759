"""Segmentors, only where a host's own cannot be composed."""

from .bayesian_encoder_decoder import BayesianEncoderDecoder

__all__ = ['BayesianEncoderDecoder']
