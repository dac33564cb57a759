"""Decode heads with mmseg's contract."""

from .deconvnet_head import DeconvNetHead
from .fcn_skip_head import FCNSkipHead
from .own_classifier_head import OwnClassifierHead
from .segnet_head import SegNetHead

__all__ = ['DeconvNetHead', 'FCNSkipHead', 'OwnClassifierHead', 'SegNetHead']
