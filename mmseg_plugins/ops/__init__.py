"""RoI operators, suppression of boxes, deformable convolutions, Gaussian filters: pure functions and modules.

PyTorch only, on CPU and CUDA.  What mmdet and mmsegmentation take from compiled mmcv is among them; see
:mod:`mmseg_plugins.ops.mmcv_ext`.
"""

from .carafe import carafe
from .crop_and_resize import CropAndResize, crop_and_resize
from .deform_conv import deform_conv2d, modulated_deform_conv2d
from .deform_roi_pool import deform_roi_pool
from .direction_pool import crop_channel, direction_channels, direction_pool, grid_axis, sample_channels
from .exact_gaussian import ExactGaussian
from .focal_loss import sigmoid_focal_loss, softmax_focal_loss
from .masked_conv import masked_col2im, masked_im2col
from .ms_deform_attn import ms_deform_attn
from .nms import nms, nms_match
from .permutohedral import PermutohedralLattice, permutohedral_filter
from .prroi_pool import PrRoIPool, prroi_pool
from .ps_roi_pool import PSRoIPool, ps_roi_pool, ps_roi_pool_chunks
from .psa_mask import psa_mask
from .roi_align import RoIAlign, roi_align
from .roi_align_max import roi_align_max
from .roi_pool import RoIPool, roi_pool
from .roi_warp import RoIWarp, roi_warp
from .soft_nms import soft_nms

__all__ = [
    'CropAndResize', 'ExactGaussian', 'PSRoIPool', 'PermutohedralLattice', 'PrRoIPool', 'RoIAlign', 'RoIPool',
    'RoIWarp', 'carafe', 'crop_and_resize', 'crop_channel', 'deform_conv2d', 'deform_roi_pool',
    'direction_channels', 'direction_pool', 'grid_axis', 'masked_col2im', 'masked_im2col',
    'modulated_deform_conv2d', 'ms_deform_attn', 'nms', 'nms_match', 'permutohedral_filter', 'prroi_pool',
    'ps_roi_pool', 'ps_roi_pool_chunks', 'psa_mask', 'roi_align', 'roi_align_max', 'roi_pool', 'roi_warp',
    'sample_channels', 'sigmoid_focal_loss', 'soft_nms', 'softmax_focal_loss'
]
