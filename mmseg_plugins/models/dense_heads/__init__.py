"""Dense heads with mmdet's contract."""

from .select_rpn_head import SelectRPNHead

__all__ = ['SelectRPNHead']
