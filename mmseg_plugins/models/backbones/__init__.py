"""Backbones: an image tensor in, a tuple of maps out; no host is imported here."""

from .cascade_resnet import CascadeResNet
from .ceil_pool_resnet import CeilPoolResNet
from .convnext import ConvNeXt
from .fcn_vgg import FCNVGG
from .mirror_margin import MirrorMargin
from .segnet_encoder import DeconvNetEncoder, SegNetEncoder
from .tap_backbone import TapBackbone
from .valid_unet import ValidUNet
from .vgg import VGG
from .with_image import WithImage

__all__ = [
    'FCNVGG',
    'VGG',
    'CascadeResNet',
    'CeilPoolResNet',
    'ConvNeXt',
    'DeconvNetEncoder',
    'MirrorMargin',
    'SegNetEncoder',
    'TapBackbone',
    'ValidUNet',
    'WithImage'
]
