"""RoI operators as pure functions and modules: PyTorch only, on CPU and CUDA, differentiable."""

from .crop_and_resize import CropAndResize, crop_and_resize
from .prroi_pool import PrRoIPool, prroi_pool
from .ps_roi_pool import PSRoIPool, ps_roi_pool, ps_roi_pool_chunks
from .roi_align import RoIAlign, roi_align
from .roi_pool import RoIPool, roi_pool
from .roi_warp import RoIWarp, roi_warp

__all__ = [
    'CropAndResize', 'PSRoIPool', 'PrRoIPool', 'RoIAlign', 'RoIPool', 'RoIWarp', 'crop_and_resize', 'prroi_pool',
    'ps_roi_pool', 'ps_roi_pool_chunks', 'roi_align', 'roi_pool', 'roi_warp'
]
