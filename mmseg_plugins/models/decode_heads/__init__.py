"""Decode heads with mmseg's contract."""

from .dilation_head import DilationHead
from .fcn_skip_head import FCNSkipHead
from .linknet_head import LinkNetHead
from .own_classifier_head import OwnClassifierHead
from .unet_head import UNetHead

__all__ = ['DilationHead', 'FCNSkipHead', 'LinkNetHead', 'OwnClassifierHead', 'UNetHead']
