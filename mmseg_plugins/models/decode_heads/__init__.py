"""Decode heads with mmseg's contract."""

from .deconvnet_head import DeconvNetHead
from .own_classifier_head import OwnClassifierHead
from .segnet_head import SegNetHead

__all__ = ['DeconvNetHead', 'OwnClassifierHead', 'SegNetHead']
