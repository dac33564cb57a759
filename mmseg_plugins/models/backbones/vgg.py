"""VGG with a free stride and dilation for every stage, under torchvision's parameter names.

Paper: "Very Deep Convolutional Networks for Large-Scale Image Recognition", https://arxiv.org/abs/1409.1556.
Parameter names: torchvision.models.vgg (``features.0.weight``, ...), so its weights load unchanged.

Stock ``SSDVGG`` always appends SSD's layers, and the pools of mmcv's ``VGG`` always have stride 2.

Shapes: B images, C_i channels, H_i x W_i cells after stage i.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS

CONVS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


@MODELS.register_module()
class VGG(BaseModule):
    """Five stages of 3x3 convolutions, each with a max pool after it.

    .. code-block:: none

        stage 0 (64) -pool-> 1 (128) -pool-> 2 (256) -pool-> 3 (512) -pool-> 4 (512) -pool->

    A map is given after the stage's pool.  A pool of stride 1 has a 3x3 kernel and keeps the size (as in DeepLab's
    "hole" networks: a 2x2 kernel would lose a row and shift by half a cell); a pool of stride 0 is left out, and its
    place in ``features`` stays empty so that the names do not move.

    Args:
        depth: 11, 13, 16 or 19.
        base_channels: Of the first stage; 64 is the original, other numbers are for small experiments.
        with_bn: Batch norm after every convolution (torchvision's ``vgg16_bn``).
        pool_strides: Of each stage's pool: 2, 1 or 0.
        pool_kernel: Kernel of the pools of stride 2: 2, or DeepLab's 3.
        dilations: Of each stage's convolutions.
        padding: ``'same'``, or ``'valid'`` for convolutions without padding (DilatedNet's front-end); see
            ``MirrorMargin`` for images of any size.
        ceil_mode: Round the size up at pools of stride 2, as Caffe does.
        out_indices: Stages whose maps are given, ascending.
        frozen_stages: Number of stages that are not trained.
        norm_eval: Keep the statistics of batch norms.
        init_cfg: ``dict(type='Pretrained', checkpoint='torchvision://vgg16')`` for ImageNet weights; default Kaiming.

    Shape:
        (B, 3, H, W) -> tuple of (B, C_i, H_i, W_i); with the defaults H_i = H / 2^(i + 1).

    Example:
        ``pool_strides=(2, 2, 2, 1, 0), dilations=(1, 1, 1, 1, 2), out_indices=(4,)`` gives conv5_3 at stride 8.
    """

    def __init__(self,
                 depth: int = 16,
                 *,
                 base_channels: int = 64,
                 with_bn: bool = False,
                 pool_strides: Sequence[int] = (2, 2, 2, 2, 2),
                 pool_kernel: int = 2,
                 dilations: Sequence[int] = (1, 1, 1, 1, 1),
                 padding: str = 'same',
                 ceil_mode: bool = False,
                 out_indices: Sequence[int] = (0, 1, 2, 3, 4),
                 frozen_stages: int = 0,
                 norm_eval: bool = False,
                 init_cfg: dict | list | None = None) -> None:
        if depth not in CONVS:
            raise ValueError(f'VGG: depth={depth} must be one of {sorted(CONVS)}')
        for name, values in (('pool_strides', pool_strides), ('dilations', dilations)):
            if len(values) != 5:
                raise ValueError(f'VGG: {name}={tuple(values)} needs 5 numbers, one a stage')
        if padding not in ('same', 'valid'):
            raise ValueError(f"VGG: padding={padding!r}, it must be 'same' or 'valid'")
        if not set(pool_strides) <= {0, 1, 2}:
            raise ValueError(f'VGG: pool_strides={tuple(pool_strides)}: a stride is 2, 1 (same size) or 0 (no pool)')
        if not out_indices or list(out_indices) != sorted(set(out_indices)) or not set(out_indices) <= set(range(5)):
            raise ValueError(f'VGG: out_indices={tuple(out_indices)} must be ascending stages of 0..4')
        super().__init__(init_cfg=init_cfg or dict(type='Kaiming', layer='Conv2d'))
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        layers: list[nn.Module] = []
        self.ends: list[int] = []  # one after each used stage's pool
        channels = 3
        for stage in range(max(self.out_indices) + 1):  # later stages would be parameters without a use
            width = base_channels * 2**min(stage, 3)
            for _ in range(CONVS[depth][stage]):
                layers += _conv(channels, width, dilations[stage], padding == 'same', with_bn)
                channels = width
            layers.append(_pool(pool_strides[stage], pool_kernel, ceil_mode))
            self.ends.append(len(layers))
        self.features = nn.Sequential(*layers)
        self._freeze()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give the maps of ``out_indices``, finest first."""
        outs = []
        for index, layer in enumerate(self.features, start=1):
            x = layer(x)
            if index in self.ends and self.ends.index(index) in self.out_indices:
                outs.append(x)
        return tuple(outs)

    def train(self, mode: bool = True) -> VGG:
        """As usual, but frozen stages and, with ``norm_eval``, all batch norms stay as in evaluation."""
        super().train(mode)
        self._freeze()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def _freeze(self) -> None:
        if self.frozen_stages <= 0:
            return
        frozen = self.ends[min(self.frozen_stages, len(self.ends)) - 1]
        for module in list(self.features)[:frozen]:
            module.eval()
            for parameter in module.parameters():
                parameter.requires_grad = False


def _conv(in_channels: int, out_channels: int, dilation: int, padded: bool, with_bn: bool) -> list[nn.Module]:
    """Convolution (with bias), norm, ReLU, as torchvision numbers them."""
    norm: list[nn.Module] = [nn.BatchNorm2d(out_channels)] if with_bn else []
    padding = dilation if padded else 0
    return [nn.Conv2d(in_channels, out_channels, 3, padding=padding, dilation=dilation), *norm, nn.ReLU(inplace=True)]


def _pool(stride: int, kernel: int, ceil_mode: bool) -> nn.Module:
    if stride == 0:
        return nn.Identity()
    if stride == 1:
        return nn.MaxPool2d(3, stride=1, padding=1)
    return nn.MaxPool2d(kernel, stride=2, padding=kernel // 2 if kernel % 2 else 0, ceil_mode=ceil_mode)
