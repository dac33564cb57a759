"""RoI operators and Gaussian filters as pure functions and modules: PyTorch only, on CPU and CUDA, differentiable."""

from .crop_and_resize import CropAndResize, crop_and_resize
from .direction_pool import crop_channel, direction_channels, direction_pool, grid_axis, sample_channels
from .exact_gaussian import ExactGaussian
from .permutohedral import PermutohedralLattice, permutohedral_filter
from .prroi_pool import PrRoIPool, prroi_pool
from .ps_roi_pool import PSRoIPool, ps_roi_pool, ps_roi_pool_chunks
from .roi_align import RoIAlign, roi_align
from .roi_pool import RoIPool, roi_pool
from .roi_warp import RoIWarp, roi_warp

__all__ = [
    'CropAndResize', 'ExactGaussian', 'PSRoIPool', 'PermutohedralLattice', 'PrRoIPool', 'RoIAlign', 'RoIPool',
    'RoIWarp', 'crop_and_resize', 'crop_channel', 'direction_channels', 'direction_pool', 'grid_axis',
    'permutohedral_filter', 'prroi_pool', 'ps_roi_pool', 'ps_roi_pool_chunks', 'roi_align', 'roi_pool', 'roi_warp',
    'sample_channels'
]
