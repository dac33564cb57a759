"""Unregistered blocks shared by several modules; no host is imported here."""

from .bilinear_deconv import BilinearDeconv2d, bilinear_fill_, bilinear_kernel
from .blocks import FCModule, check_norm_channels, conv_block
from .border_crop import border_crop
from .chained_pooling import ChainedResidualPooling
from .coordinates import coordinate_maps
from .doubling_deconv import DoublingDeconv
from .hypercolumn_refinement import HypercolumnRefinement
from .init import caffe_msra, note_init, xavier_fill_
from .label_grid import subsample_labels
from .large_kernel import BoundaryRefinement, LargeKernelConv
from .level_fusion import LevelMaxFusion
from .pyramid import concat_levels
from .refine_block import RefineBlock, RefineCascade
from .residual_conv_unit import ResidualConvUnit
from .rotary import RotaryEmbedding2D, RotaryTables
from .unpool import IndexMaxPool2d, max_unpool
from .unpool_decoder import UnpoolDecoder

__all__ = [
    'BilinearDeconv2d', 'BoundaryRefinement', 'ChainedResidualPooling', 'DoublingDeconv', 'FCModule',
    'HypercolumnRefinement', 'IndexMaxPool2d', 'LargeKernelConv', 'LevelMaxFusion', 'RefineBlock', 'RefineCascade',
    'ResidualConvUnit', 'RotaryEmbedding2D', 'RotaryTables',
    'UnpoolDecoder', 'bilinear_fill_', 'bilinear_kernel', 'border_crop', 'caffe_msra',
    'check_norm_channels', 'concat_levels', 'conv_block', 'coordinate_maps',
    'max_unpool', 'note_init', 'subsample_labels', 'xavier_fill_'
]
