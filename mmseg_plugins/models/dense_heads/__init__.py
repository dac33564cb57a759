"""Heads on dense maps with mmdet's contract."""

from .embedding_head import EmbeddingHead
from .instance_fcn_head import InstanceFCNHead
from .psenet_head import PSENetHead

__all__ = ['EmbeddingHead', 'InstanceFCNHead', 'PSENetHead']
