from .adaptive_pooling_mask_head import AdaptivePoolingMaskHead
from .masklab_mask_head import MaskLabMaskHead

__all__ = ['AdaptivePoolingMaskHead', 'MaskLabMaskHead']
