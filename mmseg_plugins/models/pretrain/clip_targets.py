"""CLIP's image towers as teachers: the features of its patches, projected into the space of texts.

EVA-02 learned from EVA-CLIP (https://github.com/baaivision/EVA/tree/5623d08/EVA-CLIP, MIT), EVA from OpenAI's CLIP
(https://github.com/openai/CLIP, MIT).  Files are read under the names of either.

Shapes: B images, N patches, C channels of the tower, D of the common space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from mmseg_plugins.models.backbones.eva import EVA
from mmseg_plugins.models.pretrain.targets import normalized, on_grid
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.errors import UserError

MEAN = (0.48145466 * 255, 0.4578275 * 255, 0.40821073 * 255)
STD = (0.26862954 * 255, 0.26130258 * 255, 0.27577711 * 255)


class EVATower(nn.Module):
    """EVA-CLIP's: (B, 3, H, W) -> (B, D, h, w)."""

    def __init__(self, weights: Mapping[str, Tensor], head_dims: int) -> None:
        super().__init__()
        channels, _, patch, _ = weights['patch_embed.proj.weight'].shape
        arch = dict(embed_dims=channels, depth=_depth(weights, 'blocks.'), num_heads=channels // head_dims,
                    hidden=weights['blocks.0.mlp.fc1.weight'].size(0))  # fmt: skip
        side = int((weights['pos_embed'].size(1) - 1)**0.5)
        self.net = EVA(arch, patch, side * patch, with_cls_token=True, final_norm=True)
        self.width = weights['head.weight'].size(0)
        self.head = nn.Linear(channels, self.width)
        self.load_state_dict({name if name.startswith('head.') else f'net.{name}': value
                              for name, value in weights.items()}, strict=True)  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        """Give a map of projected features."""
        (features, ) = self.net(image)
        return F.conv2d(features, self.head.weight[..., None, None], self.head.bias)


class OpenAITower(nn.Module):
    """OpenAI's: (B, 3, H, W) -> (B, D, h, w); parameter names are the original's."""

    def __init__(self, weights: Mapping[str, Tensor], head_dims: int) -> None:
        super().__init__()
        channels, _, patch, _ = weights['conv1.weight'].shape
        self.conv1 = nn.Conv2d(3, channels, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(channels))
        self.positional_embedding = nn.Parameter(torch.empty(weights['positional_embedding'].shape))
        self.ln_pre, self.ln_post = nn.LayerNorm(channels), nn.LayerNorm(channels)
        blocks = [_Block(channels, channels // head_dims) for _ in range(_depth(weights, 'transformer.resblocks.'))]
        self.transformer = nn.ModuleDict(dict(resblocks=nn.Sequential(*blocks)))
        self.proj = nn.Parameter(torch.empty(weights['proj'].shape))
        self.width = self.proj.size(1)
        self.load_state_dict(dict(weights), strict=True)

    def forward(self, image: Tensor) -> Tensor:
        """Give a map of projected features."""
        x = self.conv1(image)
        size = (x.size(2), x.size(3))
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(x.size(0), 1, -1), x], dim=1) + self._positions(size)
        x = self.transformer['resblocks'](self.ln_pre(x))
        return (self.ln_post(x[:, 1:]) @ self.proj).transpose(1, 2).unflatten(2, size)

    def _positions(self, size: tuple[int, int]) -> Tensor:
        token, grid = self.positional_embedding[:1], self.positional_embedding[1:]
        side = int(len(grid)**0.5)
        if size != (side, side):
            grid = F.interpolate(grid.T.unflatten(1, (side, side))[None], size, mode='bicubic', align_corners=False)
            grid = grid[0].flatten(1).T
        return torch.cat([token, grid])


class _Block(nn.Module):
    """Attention and a feed-forward net with x * sigmoid(1.702 x), each after a norm and added to its input."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        hidden = 4 * channels
        self.mlp = nn.ModuleDict(dict(c_fc=nn.Linear(channels, hidden), c_proj=nn.Linear(hidden, channels)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, need_weights=False)[0]
        hidden = self.mlp['c_fc'](self.ln_2(x))
        return x + self.mlp['c_proj'](hidden * torch.sigmoid(1.702 * hidden))


@MODELS.register_module()
class CLIPTargets(nn.Module):
    """Features of CLIP's image tower for each patch, without the class token.

    The sizes of the tower follow from its file, which is read when a training run initializes its weights.  The tower
    is no part of the checkpoints: it may have a billion parameters that never change.

    Args:
        checkpoint: State dict of EVA-CLIP or of OpenAI's CLIP, with or without ``visual.`` in front of its names; the
            text tower in it is not needed.
        channels: D, of the projection.
        head_dims: Channels of an attention head: 88 in EVA-CLIP g, 64 in OpenAI's.

    Raises:
        UserError: a file of neither, one with another D, or pixels before the weights are there.
    """

    def __init__(self, checkpoint: str, channels: int, head_dims: int = 64) -> None:
        super().__init__()
        self.checkpoint, self.channels, self.head_dims = checkpoint, channels, head_dims
        self._towers: list[nn.Module] = []  # in a list, so that it is no part of the state dict

    def init_weights(self) -> None:
        """Read the tower."""
        content = CheckpointLoader.load_checkpoint(self.checkpoint, 'cpu', logger='silent')  # safely, after setup()
        weights = next((content[key] for key in ('state_dict', 'module', 'model') if key in content), content)
        tower = tower_of(weights, self.head_dims, self.checkpoint)
        if tower.width != self.channels:
            raise UserError(f'CLIPTargets: channels={self.channels}, but {self.checkpoint} projects to {tower.width}.',
                            fix=f'channels={tower.width}.')
        self._towers = [tower.requires_grad_(False).eval()]

    def _apply(self, fn: Callable[[Any], Any], *args: Any, **kwargs: Any) -> CLIPTargets:
        """Devices and precisions change for the tower, too."""
        for tower in self._towers:
            tower._apply(fn, *args, **kwargs)
        return super()._apply(fn, *args, **kwargs)

    @torch.no_grad()
    def forward(self, pixels: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, 3, H, W) RGB of 0 to 255 -> (B, h * w, D)."""
        if not self._towers:
            raise UserError(f'CLIPTargets: {self.checkpoint} was not read.', fix='call init_weights() of the model.')
        (tower, ) = self._towers
        return on_grid(tower.to(pixels.device)(normalized(pixels, MEAN, STD)), size)


def tower_of(weights: Mapping[str, Tensor], head_dims: int, source: str) -> EVATower | OpenAITower:
    """The image tower of a state dict, filled strictly."""
    visual = {name.removeprefix('visual.'): value for name, value in weights.items() if name.startswith('visual.')}
    visual = visual or dict(weights)
    kinds: list[tuple[type[EVATower | OpenAITower], str]] = [
        (EVATower, 'patch_embed.proj.weight'), (OpenAITower, 'conv1.weight')]
    for kind, sign in kinds:
        if sign in visual and {'head.weight', 'proj'} & set(visual):
            try:
                return kind(visual, head_dims)
            except RuntimeError as error:
                reason = ' '.join(str(error).split()[:40])  # torch lists every tensor
                raise UserError(f'{source} is no image tower of CLIP as {kind.__name__} reads it: {reason}',
                                fix='give the original state dict, or correct head_dims.') from error
    raise UserError(f'{source} holds {", ".join(list(visual)[:3])}, ... ({len(visual)}).',
                    rule="an image tower of EVA-CLIP or OpenAI's CLIP with its projection.", fix='give such a file.')


def _depth(weights: Mapping[str, Tensor], prefix: str) -> int:
    return 1 + max(int(name.removeprefix(prefix).split('.')[0]) for name in weights if name.startswith(prefix))
