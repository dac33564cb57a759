"""Dense heads with mmdet's contract."""

from .decoupled_solo_head import DecoupledSOLOHead, DecoupledSOLOLightHead
from .solo_head import SOLOHead
from .solov2_head import SOLOV2Head

__all__ = ['DecoupledSOLOHead', 'DecoupledSOLOLightHead', 'SOLOHead', 'SOLOV2Head']
