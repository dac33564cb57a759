"""Segmentors, where those of mmseg cannot be composed."""

from .rotation_averaging import RotationAveragingEncoderDecoder

__all__ = ['RotationAveragingEncoderDecoder']
