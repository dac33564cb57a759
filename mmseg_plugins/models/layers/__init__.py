"""Unregistered blocks shared by several modules; no host is imported here."""

from .blocks import FCModule, check_norm_channels, conv_block
from .border_crop import border_crop
from .hypercolumn_refinement import HypercolumnRefinement
from .init import note_init, xavier_fill_
from .level_fusion import LevelMaxFusion

__all__ = [
    'FCModule', 'HypercolumnRefinement', 'LevelMaxFusion', 'border_crop', 'check_norm_channels', 'conv_block',
    'note_init', 'xavier_fill_'
]
