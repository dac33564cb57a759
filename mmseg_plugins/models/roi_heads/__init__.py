"""RoI heads and extractors with mmdet's contract."""

from .bbox_heads import AdaptivePooling2FCBBoxHead, AdaptivePooling4Conv1FCBBoxHead
from .fcis_head import FCISHead
from .mask_heads import AdaptivePoolingMaskHead
from .roi_extractors import AllLevelRoIExtractor, RoIOpExtractor

__all__ = [
    'AdaptivePooling2FCBBoxHead',
    'AdaptivePooling4Conv1FCBBoxHead',
    'AdaptivePoolingMaskHead',
    'AllLevelRoIExtractor',
    'FCISHead',
    'RoIOpExtractor',
]
