"""Decode heads with mmseg's contract."""

from .own_classifier_head import OwnClassifierHead

__all__ = ['OwnClassifierHead']
