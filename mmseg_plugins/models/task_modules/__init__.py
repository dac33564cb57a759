"""Anchors, assigners, samplers and target builders."""

from .corner_mask_target import corner_mask_targets
from .inclusive_bbox_coder import InclusiveDeltaXYWHBBoxCoder
from .rounded_anchor_generator import RoundedAnchorGenerator

__all__ = ['InclusiveDeltaXYWHBBoxCoder', 'RoundedAnchorGenerator', 'corner_mask_targets']
