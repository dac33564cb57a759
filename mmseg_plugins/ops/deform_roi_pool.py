"""Deformable RoI pooling: RoIAlign whose bins are moved, as compiled mmcv's CUDA kernel has it, on every device.

Paper: "Deformable Convolutional Networks", https://arxiv.org/abs/1703.06211, section 2.2.  mmcv has no kernel for the
CPU; formulas are those of ``csrc/common/cuda/deform_roi_pool_cuda_kernel.cuh`` (mmcv 2.1.0).  A moved bin is an RoI of
one bin, so RoIAlign pools it, and its gradient by an RoI's corners is the gradient by the shift.

Shapes: B images, C channels, H x W pixels, N RoIs, P x Q bins.  RoIs are (batch index, x1, y1, x2, y2) in input-image
pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .roi_align import roi_align
from .roi_geometry import check_inputs, pair


def deform_roi_pool(feats: Tensor,
                    rois: Tensor,
                    offset: Tensor | None,
                    output_size: int | tuple[int, int],
                    spatial_scale: float,
                    sampling_ratio: int = 0,
                    gamma: float = 0.1) -> Tensor:
    """Average bilinear samples in each bin, after the bin is moved.

    Bin (p, q) moves right by gamma * RoI width * offset[0] and down by gamma * RoI height * offset[1]: with gamma 0.1
    an offset of 1 moves it by a tenth of the RoI.

    Args:
        feats: (B, C, H, W).
        rois: (N, 5).
        offset: (N, 2, P, Q), x before y; None or an empty tensor moves nothing.
        output_size: P x Q.
        spatial_scale: Map pixels per image pixel.
        sampling_ratio: Samples a bin along one axis, 0: as many as the bin is long on the map.
        gamma: Part of the RoI that an offset of 1 stands for.

    Returns:
        (N, C, P, Q); differentiable in the maps and the offsets.

    Raises:
        ValueError: For inputs of a wrong shape, a wrong size, scale or ratio.
    """
    check_inputs(feats, rois, spatial_scale, 'deform_roi_pool')
    rows, cols = pair(output_size, 'output_size')
    if offset is not None and offset.numel() and offset.shape != (len(rois), 2, rows, cols):
        raise ValueError(f'deform_roi_pool: offset has shape {tuple(offset.shape)}, it must be '
                         f'{(len(rois), 2, rows, cols)} for these RoIs and bins')
    image, x1, y1, x2, y2 = rois.detach().double().unbind(1)
    width, height = (x2 - x1)[:, None, None], (y2 - y1)[:, None, None]  # (N, 1, 1), in image pixels
    left = x1[:, None, None] + width * torch.arange(cols, device=rois.device) / cols
    top = y1[:, None, None] + height * torch.arange(rows, device=rois.device)[:, None] / rows
    if offset is not None and offset.numel():
        left = left + gamma * width * offset[:, 0]
        top = top + gamma * height * offset[:, 1]
    shape = len(rois), rows, cols
    sides = (image[:, None, None], left, top, left + width / cols, top + height / rows)
    bins = torch.stack([side.expand(shape) for side in sides], 3)  # (N, P, Q, 5)
    pooled = roi_align(feats, bins.flatten(0, 2), 1, spatial_scale, sampling_ratio)  # (N P Q, C, 1, 1)
    return pooled.view(*shape, feats.size(1)).permute(0, 3, 1, 2)
