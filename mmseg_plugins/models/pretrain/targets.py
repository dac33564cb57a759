"""What a pre-training predicts for each patch: a frozen network's features, or histograms of gradients.

All take pixels (B, 3, H, W), RGB of 0 to 255, and the size (h, w) of the grid of patches, and give (B, h * w, D).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.errors import UserError

IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def normalized(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(B, 3, H, W) with a mean and a standard deviation for each channel."""
    shift, scale = (torch.tensor(values, device=pixels.device).view(1, -1, 1, 1) for values in (mean, std))
    return (pixels - shift) / scale


def on_grid(features: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, D, h', w') -> (B, h * w, D), resized bilinearly where the sizes differ."""
    if tuple(features.shape[2:]) != tuple(size):
        features = F.interpolate(features, size=size, mode='bilinear', align_corners=False)
    return features.flatten(2).transpose(1, 2)


@MODELS.register_module()
class BackboneTargets(BaseModule):
    """A map of a frozen backbone, of any registry.

    Args:
        backbone: With weights of a file (``init_cfg``, or ``pretrained`` of ``TimmBackbone``): random features teach
            nothing.
        channels: D, of that map.
        index: Which of its maps; the last by default.
        mean: That the backbone was trained with, of RGB pixels of 0 to 255.
        std: Likewise.
        init_cfg: Not used; the backbone has its own.

    Raises:
        UserError: a backbone without weights, or a map with other channels.
    """

    def __init__(self,
                 backbone: Mapping[str, Any],
                 channels: int,
                 index: int = -1,
                 mean: Sequence[float] = IMAGENET[0],
                 std: Sequence[float] = IMAGENET[1],
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.backbone = MODELS.build(dict(backbone))
        if not _has_weights(self.backbone):
            raise UserError(f'BackboneTargets: {backbone.get("type")} has no weights to start from.',
                            rule='a teacher must have been trained.',
                            fix="give it an init_cfg of type 'Pretrained' or 'mmseg_plugins.PackagePretrained'.")
        self.backbone.requires_grad_(False)
        self.channels, self.index = channels, index
        self.mean, self.std = tuple(mean), tuple(std)

    def train(self, mode: bool = True) -> BackboneTargets:
        """The teacher stays in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        return self

    @torch.no_grad()
    def forward(self, pixels: Tensor, size: tuple[int, int]) -> Tensor:
        """Give the features of each patch."""
        features = self.backbone(normalized(pixels, self.mean, self.std))[self.index]
        if features.size(1) != self.channels:
            raise UserError(f'BackboneTargets: channels={self.channels}, but the map has {features.size(1)}.',
                            fix=f'channels={features.size(1)}, or another index.')
        return on_grid(features, size)


def _has_weights(backbone: nn.Module) -> bool:
    """Whether it starts from a file; hosts' backbones have an ``init_cfg`` of random numbers by default."""
    configs = getattr(backbone, 'init_cfg', None) or []
    types = [one.get('type', '') for one in (configs if isinstance(configs, (list, tuple)) else [configs])]
    return bool(getattr(backbone, 'pretrained', None)) or any(kind.endswith('Pretrained') for kind in types)


@MODELS.register_module()
class HOGTargets(nn.Module):
    """Histograms of oriented gradients, the targets of MaskFeat: they need no weights.

    The direction of a gradient without its sign falls into one of ``bins``, weighted with its length; a cell's
    histogram of each color channel is scaled to length 1, and a patch has those of all its cells.

    Paper: "Masked Feature Prediction for Self-Supervised Visual Pre-Training", https://arxiv.org/abs/2112.09133.

    Args:
        patch_size: P, of the transformer.
        cell: Side of a cell in px; it must divide P.
        bins: Of half a turn.

    Attributes:
        channels: D = 3 * bins * (P / cell)^2.

    Raises:
        UserError: cells that do not fill the patch, or images that patches do not fill.
    """

    def __init__(self, patch_size: int = 16, cell: int = 8, bins: int = 9) -> None:
        super().__init__()
        if patch_size % cell:
            raise UserError(f'HOGTargets: cell={cell}, patch_size={patch_size}.', rule='cells fill the patch.',
                            fix='choose a divisor.')
        self.cell, self.bins, self.per_side = cell, bins, patch_size // cell
        self.channels = 3 * bins * self.per_side**2

    @torch.no_grad()
    def forward(self, pixels: Tensor, size: tuple[int, int]) -> Tensor:
        """Give the histograms of each patch."""
        patch = self.cell * self.per_side
        if tuple(pixels.shape[2:]) != (size[0] * patch, size[1] * patch):
            raise UserError(f'HOGTargets: images of {tuple(pixels.shape[2:])} px on a grid of {size}.',
                            rule=f'patches of {patch} px fill the image.', fix='correct patch_size or the crop.')
        padded = F.pad(pixels.float(), (1, 1, 1, 1), mode='replicate')
        across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
        down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
        angle = torch.atan2(down, across) % math.pi
        # A direction just below 0 turns to pi itself in float32.
        chosen = (angle / math.pi * self.bins).long().clamp(max=self.bins - 1)
        votes = torch.hypot(across, down)
        maps = votes.new_zeros(*votes.shape[:2], self.bins, *votes.shape[2:])
        maps = maps.scatter_(2, chosen[:, :, None], votes[:, :, None])  # (B, 3, bins, H, W)
        cells = F.normalize(F.avg_pool2d(maps.flatten(1, 2), self.cell).unflatten(1, (3, self.bins)), dim=2)
        # (B, 3 bins, h s, w s) -> (B, 3 bins, h, s, w, s) -> (B, h w, 3 bins s s)
        blocks = cells.flatten(1, 2).unflatten(3, (size[1], self.per_side)).unflatten(2, (size[0], self.per_side))
        return blocks.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
