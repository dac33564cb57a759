from .adaptive_pooling_bbox_head import AdaptivePooling2FCBBoxHead, AdaptivePooling4Conv1FCBBoxHead

__all__ = ['AdaptivePooling2FCBBoxHead', 'AdaptivePooling4Conv1FCBBoxHead']
