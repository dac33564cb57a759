from .adaptive_pooling_mask_head import AdaptivePoolingMaskHead

__all__ = ['AdaptivePoolingMaskHead']
