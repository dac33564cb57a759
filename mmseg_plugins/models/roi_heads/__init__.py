"""RoI heads and extractors with mmdet's contract."""

from .bbox_heads import AdaptivePooling2FCBBoxHead, AdaptivePooling4Conv1FCBBoxHead
from .fcis_head import FCISHead
from .mask_heads import AdaptivePoolingMaskHead, MaskLabMaskHead
from .masklab_roi_head import MaskLabRoIHead
from .roi_extractors import AllLevelRoIExtractor, CropResizeRoIExtractor, DeformableCropRoIExtractor, RoIOpExtractor

__all__ = [
    'AdaptivePooling2FCBBoxHead', 'AdaptivePooling4Conv1FCBBoxHead', 'AdaptivePoolingMaskHead', 'AllLevelRoIExtractor',
    'CropResizeRoIExtractor', 'DeformableCropRoIExtractor', 'FCISHead', 'MaskLabMaskHead', 'MaskLabRoIHead',
    'RoIOpExtractor'
]
