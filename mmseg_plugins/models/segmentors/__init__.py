"""Segmentors, only where a host's own cannot be composed."""

from .bayesian_encoder_decoder import BayesianEncoderDecoder
from .mean_tta_model import MeanTTAModel
from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .rotation_averaging import RotationAveragingEncoderDecoder

__all__ = ['BayesianEncoderDecoder', 'MeanTTAModel', 'MultiScaleEncoderDecoder', 'RotationAveragingEncoderDecoder']
