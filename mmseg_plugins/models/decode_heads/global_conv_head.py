"""The global convolutional network's decoder: large kernels, boundary refinement, scores up to the image.

Paper: Large Kernel Matters, https://arxiv.org/abs/1703.02719, CVPR 2017; no original code was released.  Details of the
flow: https://github.com/zijundeng/pytorch-semantic-segmentation/tree/4a1721f9a3284788336430efb140288096c6dd09 .  Not
mmseg's ``GCHead``, which is GCNet (global context).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_plugins.models.layers import BoundaryRefinement, DoublingDeconv, LargeKernelConv
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.deprecation import accept_former_names

from .own_classifier_head import OwnClassifierHead

KAIMING = dict(type='Kaiming', layer='Conv2d', mode='fan_in')
UPSAMPLING = ('deconv', 'bilinear')


@MODELS.register_module()
@accept_former_names(upsample='upsample_method')
class GlobalConvHead(OwnClassifierHead):
    """Each map scored by a large kernel, the scores refined and added from the coarsest to the finest.

    .. code-block:: none

        stride 32 -> kernel -> refine -> up -+
        stride 16 -> kernel -> refine ------ + -> refine -> up -+
        stride 8  -> kernel -> refine ------------------------ + -> refine -> up -+
        stride 4  -> kernel -> refine ------------------------------------------ + -> refine -> up (half the image)
                                                                  -> refine -> up (the image) -> refine -> scores

    The last two sizes, ceil(H / 2) x ceil(W / 2) and H x W, are read from the image, which must be the last input: the
    backbone is ``mmseg_plugins.WithImage``.

    Args:
        in_channels: Channels of the maps, finest first, and of the image at the end.
        kernel_size: k of all large kernels, odd: 15 in the paper for 512 px, 25 for 800 px, 7 in the port; 1 is a plain
            1 x 1 convolution, the paper's baseline.
        upsample_method: ``'deconv'``, learned (paper), or ``'bilinear'`` (port).
        boundary_refinement: Without it, the nine refinements are left out (the paper's ablation).
        in_index: Of the maps that are read; None reads all.
        align_corners: Of the bilinear resizing; True in the port.
        kwargs: Of ``OwnClassifierHead``.

    Shape:
        ``forward``: maps (B, C_i, h_i, w_i) and the image (B, 3, H, W) -> scores (B, C, H, W).  With ``'bilinear'`` any
        sizes fit; with ``'deconv'`` each map has half the finer one's rows and columns, rounded up, which strides of 2
        give for any image.

    Raises:
        ValueError: an unknown ``upsample_method``; an even ``kernel_size``; in ``forward``, with ``'deconv'``, maps
            that do not halve.
    """

    several_maps = True

    def __init__(self,
                 in_channels: Sequence[int],
                 *,
                 num_classes: int,
                 kernel_size: int = 15,
                 upsample_method: str = 'deconv',
                 boundary_refinement: bool = True,
                 in_index: Sequence[int] | None = None,
                 align_corners: bool = True,
                 init_cfg: dict | list | None = KAIMING,
                 **kwargs: Any) -> None:
        super().__init__(
            in_channels,
            num_classes=num_classes,
            in_index=in_index,
            align_corners=align_corners,
            init_cfg=init_cfg,
            **kwargs)
        if upsample_method not in UPSAMPLING:
            raise ValueError(f'GlobalConvHead: upsample_method={upsample_method!r}, it must be one of {UPSAMPLING}')
        scores, levels = self.out_channels, len(in_channels) - 1

        def refinements(count: int) -> nn.ModuleList:
            return nn.ModuleList(
                BoundaryRefinement(scores) if boundary_refinement else nn.Identity() for _ in range(count))

        self.kernels = nn.ModuleList(
            nn.Conv2d(source, scores, 1) if kernel_size == 1 else LargeKernelConv(source, scores, kernel_size)
            for source in in_channels[:-1])
        self.refine_maps = refinements(levels)  # finest first, as the maps
        # Finest first: the image, half the image, the finest map, .., the map before the coarsest.
        self.refine_sums = refinements(levels + 1)
        self.deconvs = nn.ModuleList(
            DoublingDeconv(scores) for _ in range(levels + 1 if upsample_method == 'deconv' else 0))

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Score the pixels of the image."""
        *maps, image = self._transform_inputs(inputs)
        scored = [
            refine(kernel(level))
            for level, kernel, refine in zip(maps, self.kernels, self.refine_maps, strict=True)
        ]
        height, width = image.shape[-2:]
        sizes = [(height, width), ((height + 1) // 2, (width + 1) // 2), *(level.shape[-2:] for level in maps[:-1])]
        x = scored[-1]
        for index in reversed(range(len(sizes))):
            x = self._up(x, sizes[index], index)
            if index >= 2:
                x = x + scored[index - 2]
            x = self.refine_sums[index](x)
        return x

    def _up(self, x: Tensor, size: Sequence[int], index: int) -> Tensor:
        if len(self.deconvs):
            return self.deconvs[index](x, (size[0], size[1]))
        return F.interpolate(x, size=tuple(size), mode='bilinear', align_corners=self.align_corners)
