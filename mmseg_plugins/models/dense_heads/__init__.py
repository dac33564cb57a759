"""Heads on dense maps with mmdet's contract."""

from .instance_fcn_head import InstanceFCNHead

__all__ = ['InstanceFCNHead']
