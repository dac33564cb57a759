"""What runs after a head, on any host's model."""

from .paste_masks import paste_corner_masks

__all__ = ['paste_corner_masks']
