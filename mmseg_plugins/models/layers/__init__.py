"""Unregistered blocks shared by several modules; no host is imported here."""

from .blocks import FCModule, check_norm_channels, conv_block
from .border_crop import border_crop
from .box_conventions import check_convention, from_half_open, to_half_open
from .coordinates import coordinate_maps
from .hypercolumn_refinement import HypercolumnRefinement
from .init import note_init, xavier_fill_
from .label_grid import subsample_labels
from .level_fusion import LevelMaxFusion
from .mirror import mirror_index, mirror_pad
from .pyramid import concat_levels

__all__ = [
    'FCModule', 'HypercolumnRefinement', 'LevelMaxFusion', 'border_crop', 'check_convention', 'check_norm_channels',
    'concat_levels', 'conv_block', 'coordinate_maps', 'from_half_open', 'mirror_index', 'mirror_pad', 'note_init',
    'subsample_labels', 'to_half_open', 'xavier_fill_'
]
