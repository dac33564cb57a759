"""What runs after a head, on any host's model: pure functions of tensors."""

from .mask_voting import VotedInstances, mask_voting, paste_masks
from .paste_masks import paste_corner_masks

__all__ = ['VotedInstances', 'mask_voting', 'paste_corner_masks', 'paste_masks']
