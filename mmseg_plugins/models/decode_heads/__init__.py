"""Decode heads with mmseg's contract."""

from .crf_rnn_head import CRFRNNHead
from .fcn_skip_head import FCNSkipHead
from .linknet_head import LinkNetHead
from .own_classifier_head import OwnClassifierHead

__all__ = ['CRFRNNHead', 'FCNSkipHead', 'LinkNetHead', 'OwnClassifierHead']
