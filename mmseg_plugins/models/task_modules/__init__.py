"""Anchors, assigners, samplers and target builders."""

from .fcis_targets import FCISTargets, fcis_targets, roi_mask_targets
from .inclusive_bbox_coder import InclusiveDeltaXYWHBBoxCoder
from .joint_loss_ohem_sampler import JointLossOHEMSampler
from .padded_random_sampler import PaddedRandomSampler
from .rounded_anchor_generator import RoundedAnchorGenerator

__all__ = [
    'FCISTargets',
    'InclusiveDeltaXYWHBBoxCoder',
    'JointLossOHEMSampler',
    'PaddedRandomSampler',
    'RoundedAnchorGenerator',
    'fcis_targets',
    'roi_mask_targets',
]
