"""What runs after a head, on any host's model: pure functions of tensors."""

from .corner_masks import paste_corner_masks
from .mask_voting import VotedInstances, mask_voting, paste_masks

__all__ = ['VotedInstances', 'mask_voting', 'paste_corner_masks', 'paste_masks']
