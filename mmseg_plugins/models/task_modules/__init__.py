"""Anchors, assigners, samplers and target builders."""

from .corner_mask_target import corner_mask_targets
from .inclusive_bbox_coder import InclusiveDeltaXYWHBBoxCoder
from .rounded_anchor_generator import RoundedAnchorGenerator
from .window_assigner import WindowAssigner

__all__ = ['InclusiveDeltaXYWHBBoxCoder', 'RoundedAnchorGenerator', 'WindowAssigner', 'corner_mask_targets']
