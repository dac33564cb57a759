"""Decode heads with mmseg's contract."""

from .deconvnet_head import DeconvNetHead
from .dilated_sum_head import DilatedSumHead
from .dilation_head import DilationHead
from .fcn_skip_head import FCNSkipHead
from .large_fov_head import LargeFOVHead, MScLargeFOVHead
from .linknet_head import LinkNetHead
from .own_classifier_head import OwnClassifierHead
from .segnet_head import SegNetHead
from .unet_head import UNetHead

__all__ = [
    'DeconvNetHead', 'DilatedSumHead', 'DilationHead', 'FCNSkipHead', 'LargeFOVHead', 'LinkNetHead',
    'MScLargeFOVHead', 'OwnClassifierHead', 'SegNetHead', 'UNetHead'
]
