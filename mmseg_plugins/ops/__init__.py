"""Operators on RoIs and lattices: pure functions on tensors; nothing of the package is imported here."""

from .crop_and_resize import crop_and_resize
from .direction_pool import crop_channel, direction_channels, direction_pool, grid_axis, sample_channels

__all__ = ['crop_and_resize', 'crop_channel', 'direction_channels', 'direction_pool', 'grid_axis', 'sample_channels']
