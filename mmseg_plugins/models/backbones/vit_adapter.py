"""ViT-Adapter: four maps of strides 4 to 32 from a plain transformer and a small convolutional net next to it.

Paper: "Vision Transformer Adapter for Dense Predictions", https://arxiv.org/abs/2205.08534.
Original code (Apache-2.0): https://github.com/czczup/ViT-Adapter ; as EVA has it (MIT):
https://github.com/baaivision/EVA/tree/5623d08/EVA-01/seg/backbone .

Shapes: B images of H x W px, C channels of the transformer, N tokens of stride 16, K cells of strides 8, 16 and 32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmseg_plugins.models.backbones.eva import PlainViT
from mmseg_plugins.models.layers.deformable_attention import DeformableAttention
from mmseg_plugins.models.layers.vit_block import EPS, DropPath
from mmseg_plugins.registry import MODELS

Sizes = Sequence[tuple[int, int]]
STEP = 32  # px that the coarsest map's cells cover


class SpatialPrior(nn.Module):
    """(B, 3, H, W) -> maps of C channels of strides 4, 8, 16 and 32."""

    def __init__(self, in_channels: int, width: int, channels: int, norm_cfg: Mapping[str, Any]) -> None:
        super().__init__()

        def conv(source: int, target: int, stride: int) -> list[nn.Module]:
            return [nn.Conv2d(source, target, 3, stride, 1, bias=False), build_norm_layer(dict(norm_cfg), target)[1],
                    nn.ReLU(inplace=True)]  # fmt: skip

        self.stem = nn.Sequential(*conv(in_channels, width, 2), *conv(width, width, 1), *conv(width, width, 1),
                                  nn.MaxPool2d(3, 2, 1))
        widths = (width, 2 * width, 4 * width, 4 * width)
        self.stages = nn.ModuleList(nn.Sequential(*conv(source, target, 2))
                                    for source, target in pairwise(widths))
        self.projections = nn.ModuleList(nn.Conv2d(source, channels, 1) for source in widths)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Give the four maps."""
        maps = [self.stem(image)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return [project(x) for project, x in zip(self.projections, maps, strict=True)]


class ConvFFN(nn.Module):
    """Two linear layers with a depthwise 3 x 3 convolution of each map between them: (B, K, C) -> (B, K, C)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.dwconv = nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor, sizes: Sizes) -> Tensor:
        """Widen, look at the neighbors, project."""
        parts = self.fc1(x).split([height * width for height, width in sizes], dim=1)
        maps = [part.transpose(1, 2).unflatten(2, size) for part, size in zip(parts, sizes, strict=True)]
        x = torch.cat([self.dwconv(one).flatten(2).transpose(1, 2) for one in maps], dim=1)
        return self.fc2(F.gelu(x))


class Injector(nn.Module):
    """Brings the maps into the tokens, scaled by ``gamma``, which starts at 0."""

    def __init__(self, channels: int, attention: Callable[[int], DeformableAttention]) -> None:
        super().__init__()
        self.query_norm, self.feat_norm = nn.LayerNorm(channels, eps=EPS), nn.LayerNorm(channels, eps=EPS)
        self.attn = attention(3)
        self.gamma = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, c: Tensor, places: Tensor, sizes: Sizes) -> Tensor:
        """Tokens (B, N, C) and maps (B, K, C) -> tokens."""
        return x + self.gamma * self.attn(self.query_norm(x), places, self.feat_norm(c), sizes)


class Extractor(nn.Module):
    """Brings the tokens into the maps."""

    def __init__(self, channels: int, hidden: int, attention: Callable[[int], DeformableAttention],
                 drop_path: float) -> None:
        super().__init__()
        self.query_norm, self.feat_norm = nn.LayerNorm(channels, eps=EPS), nn.LayerNorm(channels, eps=EPS)
        self.attn = attention(1)
        self.ffn_norm, self.ffn = nn.LayerNorm(channels, eps=EPS), ConvFFN(channels, hidden)
        self.drop_path = DropPath(drop_path)

    def forward(self, c: Tensor, x: Tensor, places: Tensor, sizes: Sizes, grid: tuple[int, int]) -> Tensor:
        """Maps (B, K, C) and tokens (B, N, C) of a grid -> maps."""
        c = c + self.attn(self.query_norm(c), places, self.feat_norm(x), [grid])
        return c + self.drop_path(self.ffn(self.ffn_norm(c), sizes))


@MODELS.register_module()
class ViTAdapter(BaseModule):
    """Maps of strides 4, 8, 16 and 32 from ``EVA02`` or ``EVA``, which stays as it is.

    .. code-block:: none

        image -> prior -> c1 /4    c2 /8, c3 /16, c4 /32 ---------------------> c ---------------------> c
              \\                        | injector                              ^ extractor   (4 times)
                -> patches -> x ------- + -----------> blocks of the transformer + -------> x
        maps = norm(c_i + x of the i-th time, resized); c1 also gets c2 by a deconvolution

    Args:
        vit: A transformer with ``patch_size=16``, its last map alone, and no final norm.
        interactions: First and last block of each of the four times.
        width: Channels of the first convolutions.
        deform_heads: Heads of the deformable attention.
        deform_ratio: Width of its values as a part of C.
        points: That a query reads in each map.
        ffn_ratio: Width within the extractors' feed-forward nets as a part of C.
        drop_path_rate: In the extractors.
        norm_cfg: Of the convolutions and the maps; ``SyncBN`` in the original.
        init_cfg: As in ``BaseModule``.

    Shape:
        (B, 3, H, W) -> four maps (B, C, ceil(H / s), ceil(W / s)); zeros fill the image up to multiples of 32 px.

    Raises:
        ValueError: another transformer, or interactions that are not all of its blocks in four parts.
    """

    def __init__(self,
                 vit: Mapping[str, Any],
                 interactions: Sequence[Sequence[int]],
                 width: int = 64,
                 deform_heads: int = 16,
                 deform_ratio: float = 0.5,
                 points: int = 4,
                 ffn_ratio: float = 0.25,
                 drop_path_rate: float = 0.0,
                 norm_cfg: Mapping[str, Any] = dict(type='BN'),
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.vit = _checked(MODELS.build(dict(vit)))
        self.interactions = _spans(interactions, self.vit.arch.depth)
        channels = self.vit.arch.embed_dims

        def attention(levels: int) -> DeformableAttention:
            return DeformableAttention(channels, deform_heads, levels, points, deform_ratio)

        def extractor() -> Extractor:
            return Extractor(channels, int(channels * ffn_ratio), attention, drop_path_rate)

        in_channels = self.vit.patch_embed.proj.in_channels
        self.prior = SpatialPrior(in_channels, width, channels, norm_cfg)
        self.level_embed = nn.Parameter(torch.empty(3, channels))
        nn.init.normal_(self.level_embed)
        self.injectors = nn.ModuleList(Injector(channels, attention) for _ in self.interactions)
        self.extractors = nn.ModuleList(extractor() for _ in self.interactions)
        self.extra_extractors = nn.ModuleList(extractor() for _ in range(2))
        self.up = nn.ConvTranspose2d(channels, channels, 2, 2)
        self.norms = nn.ModuleList(build_norm_layer(dict(norm_cfg), channels)[1] for _ in range(4))
        self._fill()

    def _fill(self) -> None:
        """Start values of all but the transformer and the attention, which have their own."""
        ffns = [extractor.ffn for extractor in (*self.extractors, *self.extra_extractors)]
        for module in (layer for part in (self.prior, self.up, *ffns) for layer in part.modules()):
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
            elif isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Give the four maps."""
        height, width = image.shape[2:]
        image = F.pad(image, (0, -width % STEP, 0, -height % STEP))
        c1, *coarse = self.prior(image)
        sizes = [(x.size(2), x.size(3)) for x in coarse]
        c = torch.cat([x.flatten(2).transpose(1, 2) + level for x, level in zip(coarse, self.level_embed, strict=True)],
                      dim=1)  # fmt: skip
        x, grid = self.vit.embed(image)
        maps = [c1, *self._interact(x, c, grid, sizes)]
        c1 = c1 + self.up(maps[1])
        outs = [norm(own + F.interpolate(x, size=own.shape[2:], mode='bilinear', align_corners=False))
                for norm, own, x in zip(self.norms, (c1, *maps[1:4]), maps[4:], strict=True)]
        return tuple(out[:, :, :-(-height // stride), :-(-width // stride)]
                     for out, stride in zip(outs, (4, 8, 16, 32), strict=True))

    def _interact(self, x: Tensor, c: Tensor, grid: tuple[int, int], sizes: Sizes) -> list[Tensor]:
        """The three coarse maps after all interactions, then the transformer's map after each."""
        extra = int(self.vit.with_cls_token)
        tables = self.vit.tables(grid, x.device)
        token_places = _places([grid], x)
        map_places = _places(sizes, x)
        own = []
        for (first, last), injector, extractor in zip(self.interactions, self.injectors, self.extractors, strict=True):
            x = torch.cat([x[:, :extra], self._saving(injector, x[:, extra:], c, token_places, sizes)], dim=1)
            for index in range(first, last + 1):
                x = self.vit.run_block(index, x, grid, tables)
            tokens = x[:, extra:]
            c = self._saving(extractor, c, tokens, map_places, sizes, grid)
            own.append(tokens.transpose(1, 2).unflatten(2, grid))
        for extractor in self.extra_extractors:
            c = self._saving(extractor, c, x[:, extra:], map_places, sizes, grid)
        parts = c.split([rows * columns for rows, columns in sizes], dim=1)
        return [part.transpose(1, 2).unflatten(2, size) for part, size in zip(parts, sizes, strict=True)] + own

    def _saving(self, part: nn.Module, *inputs: Any) -> Tensor:
        if self.vit.with_cp and inputs[0].requires_grad:
            return checkpoint(part, *inputs, use_reentrant=False)
        return part(*inputs)


def _places(sizes: Sizes, like: Tensor) -> Tensor:
    """(sum of H_l * W_l, 2): x and y of the middle of each cell, in 0 .. 1."""
    places = []
    for height, width in sizes:
        y = (torch.arange(height, device=like.device) + 0.5) / height
        x = (torch.arange(width, device=like.device) + 0.5) / width
        places.append(torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1).flatten(0, 1))
    return torch.cat(places)


def _checked(vit: nn.Module) -> PlainViT:
    if not isinstance(vit, PlainViT) or vit.patch_size != 16 or vit.norm is not None or len(vit.out_indices) != 1:
        raise ValueError(f'ViTAdapter: vit is {type(vit).__name__}. Rule: EVA02 or EVA with patch_size=16, one map and '
                         'no final_norm. Fix: correct its settings.')
    return vit


def _spans(interactions: Sequence[Sequence[int]], depth: int) -> list[tuple[int, int]]:
    spans = [(int(first), int(last)) for first, last in interactions]
    blocks = [block for first, last in spans for block in range(first, last + 1)]
    if len(spans) != 4 or blocks != list(range(depth)):
        raise ValueError(f'ViTAdapter: interactions={spans} for {depth} blocks. Fix: first and last block of four '
                         f'parts that are blocks 0 to {depth - 1}.')
    return spans
