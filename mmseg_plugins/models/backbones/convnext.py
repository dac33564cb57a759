"""ConvNeXt without mmpretrain or timm, whose names and layout are those of the released checkpoints.

Paper: "A ConvNet for the 2020s", https://arxiv.org/abs/2201.03545.
Original code (MIT): https://github.com/facebookresearch/ConvNeXt , ``models/convnext.py`` and
``object_detection/mmdet/models/backbones/convnext.py``.

Shapes: B images, C_i channels, stage i has stride 2^(i + 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.models.layers import note_init
from mmseg_plugins.registry import MODELS

EPS = 1e-6
ARCHS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    'tiny': ((3, 3, 9, 3), (96, 192, 384, 768)),
    'small': ((3, 3, 27, 3), (96, 192, 384, 768)),
    'base': ((3, 3, 27, 3), (128, 256, 512, 1024)),
    'large': ((3, 3, 27, 3), (192, 384, 768, 1536)),
}
CLASSIFIER = ('norm.', 'head.')  # of the released checkpoints, after the last stage


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of a map (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each pixel."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """7x7 depthwise convolution, norm, channels x 4, GELU, back, scaled; added to the input (B, C, H, W)."""

    def __init__(self, channels: int, drop_path: float, scale: float) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=EPS)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.full((channels, ), scale))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Give a map of the same shape."""
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))  # (B, C, H, W) -> (B, H, W, C)
        y = self.gamma * self.pwconv2(self.act(self.pwconv1(y)))
        return x + self.drop_path(y.permute(0, 3, 1, 2))


@MODELS.register_module()
class ConvNeXt(BaseModule):
    """Four stages of blocks; each begins with a norm and a 2x2 convolution of stride 2, the first with a 4x4 stem.

    ``init_cfg=dict(type='Pretrained', checkpoint='https://dl.fbaipublicfiles.com/convnext/convnext_tiny_1k_224_ema.pth')``
    loads a released classifier as it is; its last norm and linear layer are left out.

    Args:
        arch: ``'tiny'``, ``'small'``, ``'base'``, ``'large'``, or (blocks of each stage, channels of each stage).
        out_indices: Stages whose maps are given, each after a norm of its own (``norm0``..).
        drop_path_rate: Of the last block; it grows linearly from 0 at the first.
        layer_scale: Initial factor of each block's branch.

    Shape:
        (B, 3, H, W) -> (B, C_i, H_i, W_i) for each of ``out_indices``; sizes are halved and rounded down.
    """

    def __init__(self,
                 *,
                 arch: str | Sequence[Sequence[int]] = 'tiny',
                 out_indices: Sequence[int] = (0, 1, 2, 3),
                 drop_path_rate: float = 0.0,
                 layer_scale: float = 1e-6,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if isinstance(arch, str) and arch not in ARCHS:
            raise ValueError(f'ConvNeXt: arch={arch!r}, it must be one of {sorted(ARCHS)} or (blocks, channels)')
        depths, channels = ARCHS[arch] if isinstance(arch, str) else arch
        stages = len(depths)
        if len(channels) != stages or not set(out_indices) <= set(range(stages)):
            raise ValueError(f'ConvNeXt: blocks {list(depths)}, channels {list(channels)} and '
                             f'out_indices={list(out_indices)} do not belong to the same stages')
        self.out_indices = list(out_indices)
        step = drop_path_rate / max(sum(depths) - 1, 1)
        stem = nn.Sequential(nn.Conv2d(3, channels[0], 4, 4), ChannelNorm(channels[0]))
        self.downsample_layers = nn.ModuleList([stem])
        for i in range(max(self.out_indices)):
            self.downsample_layers.append(
                nn.Sequential(ChannelNorm(channels[i]), nn.Conv2d(channels[i], channels[i + 1], 2, 2)))
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(ConvNeXtBlock(channels[i], step * (sum(depths[:i]) + j), layer_scale) for j in range(depths[i])))
            for i in range(len(self.downsample_layers)))
        for i in self.out_indices:
            self.add_module(f'norm{i}', ChannelNorm(channels[i]))

    def init_weights(self) -> None:
        """Convolutions and linear layers: truncated normal of std 0.02, bias 0; then what ``init_cfg`` says."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        note_init(self, 'ConvNeXt: truncated normal, std 0.02, bias 0')
        super().init_weights()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give the maps of ``out_indices``, finest first."""
        outs = []
        for i, (downsample, stage) in enumerate(zip(self.downsample_layers, self.stages, strict=True)):
            x = stage(downsample(x))
            if i in self.out_indices:
                outs.append(getattr(self, f'norm{i}')(x))
        return tuple(outs)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Unpack a released file, which keeps its tensors under ``model``."""
        released = state_dict.pop(f'{prefix}model', None)
        if isinstance(released, Mapping):
            state_dict.update({prefix + k: v for k, v in released.items() if not k.startswith(CLASSIFIER)})
        super()._load_from_state_dict(state_dict, prefix, *args)
