"""Decode heads with mmseg's contract."""

from .enet_head import ENetEncoderHead, ENetHead
from .fc_densenet_head import FCDenseNetHead
from .fcn_skip_head import FCNSkipHead
from .linknet_head import LinkNetHead
from .own_classifier_head import OwnClassifierHead

__all__ = ['ENetEncoderHead', 'ENetHead', 'FCDenseNetHead', 'FCNSkipHead', 'LinkNetHead', 'OwnClassifierHead']
