"""RoI operators and Gaussian filters as pure functions and modules: PyTorch only, on CPU and CUDA, differentiable."""

from .carafe import carafe
from .crop_and_resize import CropAndResize, crop_and_resize
from .deform_conv import deform_conv2d, modulated_deform_conv2d
from .direction_pool import crop_channel, direction_channels, direction_pool, grid_axis, sample_channels
from .exact_gaussian import ExactGaussian
from .masked_conv import masked_col2im, masked_im2col
from .ms_deform_attn import ms_deform_attn
from .permutohedral import PermutohedralLattice, permutohedral_filter
from .prroi_pool import PrRoIPool, prroi_pool
from .ps_roi_pool import PSRoIPool, ps_roi_pool, ps_roi_pool_chunks
from .psa_mask import psa_mask
from .roi_align import RoIAlign, roi_align
from .roi_pool import RoIPool, roi_pool
from .roi_warp import RoIWarp, roi_warp

__all__ = [
    'CropAndResize', 'ExactGaussian', 'PSRoIPool', 'PermutohedralLattice', 'PrRoIPool', 'RoIAlign', 'RoIPool',
    'RoIWarp', 'carafe', 'crop_and_resize', 'crop_channel', 'deform_conv2d', 'direction_channels', 'direction_pool',
    'grid_axis', 'masked_col2im', 'masked_im2col', 'modulated_deform_conv2d', 'ms_deform_attn',
    'permutohedral_filter', 'prroi_pool', 'ps_roi_pool', 'ps_roi_pool_chunks', 'psa_mask', 'roi_align', 'roi_pool',
    'roi_warp', 'sample_channels'
]
