"""Decode heads with mmseg's contract."""

from .crf_rnn_head import CRFRNNHead
from .fcn_skip_head import FCNSkipHead
from .own_classifier_head import OwnClassifierHead

__all__ = ['CRFRNNHead', 'FCNSkipHead', 'OwnClassifierHead']
