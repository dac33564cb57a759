"""Heads on dense maps with mmdet's contract."""

from .decoupled_solo_head import DecoupledSOLOHead, DecoupledSOLOLightHead
from .embedding_head import EmbeddingHead
from .four_level_fusion_head import FourLevelFusionHead
from .instance_fcn_head import InstanceFCNHead
from .level_rpn_head import LevelRPNHead
from .psenet_head import PSENetHead
from .solo_head import SOLOHead
from .solov2_head import SOLOV2Head

__all__ = [
    'DecoupledSOLOHead', 'DecoupledSOLOLightHead', 'EmbeddingHead', 'FourLevelFusionHead', 'InstanceFCNHead',
    'LevelRPNHead', 'PSENetHead', 'SOLOHead', 'SOLOV2Head'
]
