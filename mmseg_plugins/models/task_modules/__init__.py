"""Anchors, assigners, samplers and target builders."""

from .corner_mask_target import corner_mask_targets
from .fcis_targets import FCISTargets, fcis_targets, roi_mask_targets
from .inclusive_bbox_coder import InclusiveDeltaXYWHBBoxCoder
from .inclusive_overlaps import InclusiveOverlaps
from .joint_loss_ohem_sampler import JointLossOHEMSampler
from .own_object_assigner import OwnObjectAssigner
from .padded_random_sampler import PaddedRandomSampler
from .rounded_anchor_generator import RoundedAnchorGenerator
from .window_assigner import WindowAssigner

__all__ = [
    'FCISTargets', 'InclusiveDeltaXYWHBBoxCoder', 'InclusiveOverlaps', 'JointLossOHEMSampler', 'OwnObjectAssigner',
    'PaddedRandomSampler', 'RoundedAnchorGenerator', 'WindowAssigner', 'corner_mask_targets', 'fcis_targets',
    'roi_mask_targets'
]
