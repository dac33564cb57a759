"""Unregistered blocks shared by several modules; no host is imported here."""

from .blocks import FCModule, check_norm_channels, conv_block
from .box_conventions import check_convention, from_half_open, to_half_open
from .init import note_init, xavier_fill_
from .level_fusion import LevelMaxFusion

__all__ = [
    'FCModule',
    'LevelMaxFusion',
    'check_convention',
    'check_norm_channels',
    'conv_block',
    'from_half_open',
    'note_init',
    'to_half_open',
    'xavier_fill_',
]
