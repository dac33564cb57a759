"""Backbones: an image tensor in, a tuple of maps out; no host is imported here."""

from .cascade_resnet import CascadeResNet
from .ceil_pool_resnet import CeilPoolResNet
from .convnext import ConvNeXt
from .fcn_vgg import FCNVGG
from .segnet_encoder import DeconvNetEncoder, SegNetEncoder
from .tap_backbone import TapBackbone
from .vgg import VGG
from .with_image import WithImage

__all__ = [
    'FCNVGG', 'VGG', 'CascadeResNet', 'CeilPoolResNet', 'ConvNeXt', 'DeconvNetEncoder', 'SegNetEncoder', 'TapBackbone',
    'WithImage'
]
