"""Models that learn from images without labels."""

from .clip_targets import CLIPTargets
from .eva_pretrain import EVAPretrain
from .targets import BackboneTargets, HOGTargets

__all__ = ['BackboneTargets', 'CLIPTargets', 'EVAPretrain', 'HOGTargets']
