"""Dense heads with mmdet's contract."""

from .level_rpn_head import LevelRPNHead

__all__ = ['LevelRPNHead']
