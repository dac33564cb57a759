"""Decode heads with mmseg's contract."""

from .crf_rnn_head import CRFRNNHead
from .deconvnet_head import DeconvNetHead
from .dilated_sum_head import DilatedSumHead
from .fcn_skip_head import FCNSkipHead
from .large_fov_head import LargeFOVHead, MScLargeFOVHead
from .linknet_head import LinkNetHead
from .own_classifier_head import OwnClassifierHead
from .segnet_head import SegNetHead

__all__ = [
    'CRFRNNHead', 'DeconvNetHead', 'DilatedSumHead', 'FCNSkipHead', 'LargeFOVHead', 'LinkNetHead',
    'MScLargeFOVHead', 'OwnClassifierHead', 'SegNetHead'
]
