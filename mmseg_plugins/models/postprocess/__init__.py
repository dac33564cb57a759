"""What runs after a head."""

from .paste_masks import paste_corner_masks

__all__ = ['paste_corner_masks']
