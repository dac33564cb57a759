"""What runs after a head, on any host's model: functions of tensors."""

from .corner_masks import paste_corner_masks
from .mask_voting import VotedInstances, mask_voting, paste_masks
from .proposal_scores import fcn_ensemble, max_of_proposals, score_proposals, select_proposals

__all__ = [
    'VotedInstances', 'fcn_ensemble', 'mask_voting', 'max_of_proposals', 'paste_corner_masks', 'paste_masks',
    'score_proposals', 'select_proposals'
]
