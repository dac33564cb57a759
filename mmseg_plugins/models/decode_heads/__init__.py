"""Decode heads with mmseg's contract."""

from .fcn_skip_head import FCNSkipHead
from .own_classifier_head import OwnClassifierHead

__all__ = ['FCNSkipHead', 'OwnClassifierHead']
