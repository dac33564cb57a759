"""Backbones: an image tensor in, a tuple of maps out; no host is imported here."""

from .cascade_resnet import CascadeResNet
from .ceil_pool_resnet import CeilPoolResNet
from .convnext import ConvNeXt
from .efficientnet_lite import EfficientNetLite
from .enet import ENet
from .eva import EVA, EVA02
from .expanded_mobilenet_v2 import ExpandedMobileNetV2
from .fc_densenet import FCDenseNet
from .fcn_vgg import FCNVGG
from .mirror_margin import MirrorMargin
from .segnet_encoder import DeconvNetEncoder, SegNetEncoder
from .tap_backbone import TapBackbone
from .timm_backbone import TimmBackbone
from .valid_unet import ValidUNet
from .vgg import VGG
from .vit_adapter import ViTAdapter
from .with_image import WithImage

__all__ = [
    'EVA',
    'EVA02',
    'FCNVGG',
    'VGG',
    'CascadeResNet',
    'CeilPoolResNet',
    'ConvNeXt',
    'DeconvNetEncoder',
    'ENet',
    'EfficientNetLite',
    'ExpandedMobileNetV2',
    'FCDenseNet',
    'MirrorMargin',
    'SegNetEncoder',
    'TapBackbone',
    'TimmBackbone',
    'ValidUNet',
    'ViTAdapter',
    'WithImage'
]
