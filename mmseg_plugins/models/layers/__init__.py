"""Unregistered blocks shared by several modules; no host is imported here."""

from .bilinear_deconv import BilinearDeconv2d, bilinear_fill_, bilinear_kernel
from .blocks import FCModule, check_norm_channels, conv_block
from .border_crop import border_crop
from .box_conventions import check_convention, from_half_open, to_half_open
from .coordinates import coordinate_maps
from .hypercolumn_refinement import HypercolumnRefinement
from .init import caffe_msra, note_init, xavier_fill_
from .label_grid import subsample_labels
from .level_fusion import LevelMaxFusion
from .pyramid import concat_levels
from .unpool import IndexMaxPool2d, max_unpool
from .unpool_decoder import UnpoolDecoder

__all__ = [
    'BilinearDeconv2d', 'FCModule', 'HypercolumnRefinement', 'IndexMaxPool2d', 'LevelMaxFusion', 'UnpoolDecoder',
    'bilinear_fill_', 'bilinear_kernel', 'border_crop', 'caffe_msra', 'check_convention', 'check_norm_channels',
    'concat_levels', 'conv_block', 'coordinate_maps', 'from_half_open', 'max_unpool', 'note_init', 'subsample_labels',
    'to_half_open', 'xavier_fill_'
]
