"""What runs after a head, on any host's model: functions of tensors, and what a config's ``post_process`` names."""

from .conv_crf import ConvCRFParams, conv_crf
from .corner_masks import paste_corner_masks
from .crf_postprocess import ConvCRFPostProcess, CRFPostProcess, DenseCRFPostProcess
from .crf_presets import PRESETS, CRFParams
from .dense_crf import dense_crf, labels_to_probabilities
from .mask_voting import VotedInstances, mask_voting, paste_masks
from .proposal_scores import fcn_ensemble, max_of_proposals, score_proposals, select_proposals

__all__ = [
    'PRESETS', 'CRFParams', 'CRFPostProcess', 'ConvCRFParams', 'ConvCRFPostProcess', 'DenseCRFPostProcess',
    'VotedInstances', 'conv_crf', 'dense_crf', 'fcn_ensemble', 'labels_to_probabilities', 'mask_voting',
    'max_of_proposals', 'paste_corner_masks', 'paste_masks', 'score_proposals', 'select_proposals'
]
