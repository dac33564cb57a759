"""Decode heads with mmseg's contract."""

from .fcn_skip_head import FCNSkipHead
from .global_conv_head import GlobalConvHead
from .light_refine_head import LightRefineNetHead
from .own_classifier_head import OwnClassifierHead
from .refine_head import RefineNetHead

__all__ = ['FCNSkipHead', 'GlobalConvHead', 'LightRefineNetHead', 'OwnClassifierHead', 'RefineNetHead']
