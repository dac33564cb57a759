"""Decode heads with mmseg's contract."""

from .crf_rnn_head import CRFRNNHead
from .deconvnet_head import DeconvNetHead
from .decoupled_head import DecoupledNetHead
from .deeplabv2_head import DeepLabV2Head
from .dilation_head import DilationHead
from .enet_head import ENetEncoderHead, ENetHead
from .fc_densenet_head import FCDenseNetHead
from .fcn_skip_head import FCNSkipHead
from .global_conv_head import GlobalConvHead
from .large_fov_head import LargeFOVHead, MScLargeFOVHead
from .light_refine_head import LightRefineNetHead
from .linknet_head import LinkNetHead
from .multi_label_head import MultiLabelHead
from .own_classifier_head import OwnClassifierHead
from .refine_head import RefineNetHead
from .segnet_head import SegNetHead
from .unet_head import UNetHead

__all__ = [
    'CRFRNNHead', 'DeconvNetHead', 'DecoupledNetHead', 'DeepLabV2Head', 'DilationHead', 'ENetEncoderHead', 'ENetHead',
    'FCDenseNetHead', 'FCNSkipHead', 'GlobalConvHead', 'LargeFOVHead', 'LightRefineNetHead', 'LinkNetHead',
    'MScLargeFOVHead', 'MultiLabelHead', 'OwnClassifierHead', 'RefineNetHead', 'SegNetHead', 'UNetHead'
]
