"""Anchors, assigners, samplers and target builders."""

from .inclusive_bbox_coder import InclusiveDeltaXYWHBBoxCoder
from .rounded_anchor_generator import RoundedAnchorGenerator
from .window_assigner import WindowAssigner

__all__ = ['InclusiveDeltaXYWHBBoxCoder', 'RoundedAnchorGenerator', 'WindowAssigner']
