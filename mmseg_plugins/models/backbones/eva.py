"""EVA and EVA-02: plain vision transformers, with windows for detection.

Papers: "EVA: Exploring the Limits of Masked Visual Representation Learning at Scale",
https://arxiv.org/abs/2211.07636; "EVA-02: A Visual Representation for Neon Genesis", https://arxiv.org/abs/2303.11331.
Original code (MIT): https://github.com/baaivision/EVA/tree/5623d08 .  Parameter names are the original's.

Shapes: B images of H x W px, patches of P px, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmseg_plugins.models.layers.rotary import RotaryEmbedding2D, RotaryTables
from mmseg_plugins.models.layers.vit_block import EVAAttention, EVABlock
from mmseg_plugins.registry import MODELS


class Arch(NamedTuple):
    """Size of a transformer; ``packed``: one matrix for query, key and value and one for gate and value."""

    embed_dims: int
    depth: int
    num_heads: int
    hidden: int
    packed: bool


class Tables(NamedTuple):
    """Rotary tables of a grid and of a window; ``None`` where there are none."""

    whole: RotaryTables | None
    window: RotaryTables | None


EVA02_ARCHS = {
    'ti': Arch(192, 12, 3, 512, True),
    's': Arch(384, 12, 6, 1024, True),
    'b': Arch(768, 12, 12, 2048, False),
    'l': Arch(1024, 24, 16, 2730, False),
}
EVA_ARCHS = {'b': Arch(768, 12, 12, 3072, True), 'l': Arch(1024, 24, 16, 4096, True),
             'g': Arch(1408, 40, 16, 6144, True)}  # fmt: skip


class PatchEmbed(nn.Module):
    """(B, 3, H, W) -> (B, C, ceil(H / P), ceil(W / P)); zeros fill the last row and column of patches."""

    def __init__(self, in_channels: int, channels: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, channels, patch, patch)
        self.patch = patch

    def forward(self, image: Tensor) -> Tensor:
        """Cut into patches and project them."""
        down, right = -image.size(2) % self.patch, -image.size(3) % self.patch
        return self.proj(F.pad(image, (0, right, 0, down)) if down or right else image)


class PlainViT(BaseModule):
    """What EVA and EVA-02 share: patches, absolute positions, blocks, maps out; for the heads of either host.

    Args:
        arch: The size.
        ffn: ``'packed'``, ``'separate'`` or ``'gelu'``.
        rotary: Makes the rotary embedding of D channels per head, or gives ``None``.
        relative_size: Side of the image in px for decomposed relative positions; ``None``: none.
        patch_size, pretrain_size, in_channels, window_size, global_blocks, out_indices, with_cls_token, final_norm,
            drop_path_rate, frozen_stages, with_cp, init_cfg: As in the classes for configs.
    """

    def __init__(self, arch: Arch, *, ffn: str, rotary: RotaryEmbedding2D | None, relative_size: int | None,
                 patch_size: int, pretrain_size: int, in_channels: int, window_size: int,
                 global_blocks: Sequence[int], out_indices: Sequence[int] | None, with_cls_token: bool,
                 final_norm: bool, drop_path_rate: float, frozen_stages: int, with_cp: bool,
                 init_cfg: dict | list | None) -> None:  # fmt: skip
        super().__init__(init_cfg=init_cfg)
        name, channels = type(self).__name__, arch.embed_dims
        self.out_indices = _checked_outputs(name, arch, out_indices)
        _check_windows(name, arch, window_size, global_blocks, with_cls_token)
        self.arch, self.patch_size, self.window_size = arch, patch_size, window_size
        self.with_cls_token, self.frozen_stages, self.with_cp = with_cls_token, frozen_stages, with_cp
        self.grid = pretrain_size // patch_size
        self.patch_embed = PatchEmbed(in_channels, channels, patch_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, channels)) if with_cls_token else None
        self.pos_embed = nn.Parameter(torch.zeros(1, self.grid**2 + with_cls_token, channels))
        self.rotary = rotary
        rates = [drop_path_rate * index / max(arch.depth - 1, 1) for index in range(arch.depth)]

        def block(index: int) -> EVABlock:
            window = 0 if index in global_blocks else window_size
            side = window or (relative_size or 0) // patch_size
            attention = EVAAttention(
                channels, arch.num_heads, packed=arch.packed, rotary=rotary,
                relative=None if relative_size is None else (side, side))
            return EVABlock(channels, arch.hidden, ffn=ffn, attention=attention, window=window, drop_path=rates[index])

        # Blocks after the last map that is given would have no gradient.
        self.blocks = nn.ModuleList(block(i) for i in range(self.out_indices[-1] + 1))
        self.norm = nn.LayerNorm(channels, eps=1e-6) if final_norm else None
        self._fill()
        self._freeze()

    def _fill(self) -> None:
        """Start values of ViTDet: truncated normal numbers of .02, biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        weight = self.patch_embed.proj.weight
        nn.init.xavier_uniform_(weight.data.view(weight.size(0), -1))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        if self.cls_token is not None:
            nn.init.trunc_normal_(self.cls_token, std=0.02)

    def _freeze(self) -> None:
        if self.frozen_stages < 0:
            return
        for module in (self.patch_embed, *self.blocks[:self.frozen_stages]):
            module.eval()
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> PlainViT:
        """Frozen parts stay in evaluation mode."""
        super().train(mode)
        self._freeze()
        return self

    def positions(self, size: tuple[int, int]) -> Tensor:
        """(1, [1 +] H * W, C): the absolute positions, resized bicubically to the grid."""
        if size == (self.grid, self.grid):
            return self.pos_embed
        extra = int(self.with_cls_token)
        grid = self.pos_embed[:, extra:].transpose(1, 2).unflatten(2, (self.grid, self.grid))
        grid = F.interpolate(grid, size=size, mode='bicubic', align_corners=False).flatten(2).transpose(1, 2)
        return torch.cat([self.pos_embed[:, :extra], grid], dim=1)

    def embed(self, image: Tensor, fill: Callable[[Tensor], Tensor] | None = None) -> tuple[Tensor, tuple[int, int]]:
        """Tokens (B, [1 +] N, C) with their positions, and the size of their grid; ``fill`` as in ``forward``."""
        x = self.patch_embed(image)
        size = (x.size(2), x.size(3))
        x = x.flatten(2).transpose(1, 2)
        if fill is not None:
            x = fill(x)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(x.size(0), -1, -1), x], dim=1)
        return x + self.positions(size), size

    def tables(self, size: tuple[int, int], device: torch.device) -> Tables:
        """The rotary tables of blocks that see the whole grid, and of those with windows."""
        sides = (size, (self.window_size, ) * 2)
        if self.rotary is None:
            return Tables(None, None)
        return Tables(*(self.rotary.tables(*side, device=device) if all(side) else None for side in sides))

    def run_block(self, index: int, x: Tensor, size: tuple[int, int], tables: Tables) -> Tensor:
        """One block: (B, [1 +] N, C) -> the same."""
        block = self.blocks[index]
        own = tables.window if block.window else tables.whole
        if self.with_cp and x.requires_grad:
            return checkpoint(block, x, size, own, use_reentrant=False)
        return block(x, size, own)

    def forward(self, image: Tensor, fill: Callable[[Tensor], Tensor] | None = None) -> tuple[Tensor, ...]:
        """(B, 3, H, W) -> one map (B, C, ceil(H / P), ceil(W / P)) for each of ``out_indices``.

        ``fill`` changes the embeddings of the patches, (B, N, C), before class token and positions: pre-training masks
        some of them.
        """
        x, size = self.embed(image, fill)
        tables = self.tables(size, x.device)
        outs = []
        for index in range(len(self.blocks)):
            x = self.run_block(index, x, size, tables)
            if index in self.out_indices:
                outs.append(self._map(x, size))
        return tuple(outs)

    def _map(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        x = x if self.norm is None else self.norm(x)
        return x[:, int(self.with_cls_token):].transpose(1, 2).unflatten(2, size).contiguous()


@MODELS.register_module()
class EVA02(PlainViT):
    """EVA-02: rotary positions next to the absolute ones, SwiGLU, no layer scale.

    Detection: ``patch_size=16``, ``with_cls_token=False``, ``window_size`` and ``global_blocks``, the last map alone,
    then ``SimpleFeaturePyramid``.  Segmentation: ``patch_size=16``, four ``out_indices``, then
    ``mmseg.Feature2Pyramid``.  In detection the original pads windows with zeros that are not masked; so does this.

    Args:
        arch: ``'ti'``, ``'s'``, ``'b'``, ``'l'``, or a dict of ``embed_dims``, ``depth``, ``num_heads``, and possibly
            ``hidden`` (default ``int(embed_dims * 8 / 3)``) and ``packed`` (default true: one matrix for query, key
            and value and one for gate and value, no norm in the feed-forward net, as in Ti and S).
        patch_size: P.
        pretrain_size: Side in px of the images that the absolute positions are for; other sizes resize them.
        in_channels: Of the images.
        window_size: Side of the windows in tokens; 0: no windows.
        global_blocks: Blocks without windows, counted from 0.
        out_indices: Blocks whose maps are given, ascending; default: the last.
        with_cls_token: Keep the class token, as in pre-training, classification and segmentation.
        final_norm: A layer norm on every map that is given.
        drop_path_rate: Of the last block; it grows linearly from 0.
        rotary_grid: Tokens per side in pre-training, for the rotary positions.
        frozen_stages: -1 trains everything, 0 keeps the patch embedding, n also the first n blocks.
        with_cp: Compute blocks again in the backward pass instead of keeping their values.

    Raises:
        ValueError: an unknown or incomplete arch, indices that are not blocks, windows with a class token.
    """

    def __init__(self,
                 arch: str | Mapping[str, Any] = 'b',
                 patch_size: int = 16,
                 pretrain_size: int = 224,
                 in_channels: int = 3,
                 window_size: int = 0,
                 global_blocks: Sequence[int] = (),
                 out_indices: Sequence[int] | None = None,
                 with_cls_token: bool = False,
                 final_norm: bool = False,
                 drop_path_rate: float = 0.0,
                 rotary_grid: int = 16,
                 frozen_stages: int = -1,
                 with_cp: bool = False,
                 init_cfg: dict | list | None = None) -> None:
        size = _arch('EVA02', arch, EVA02_ARCHS, 8 / 3)
        super().__init__(
            size, ffn='packed' if size.packed else 'separate',
            rotary=RotaryEmbedding2D(size.embed_dims // size.num_heads, rotary_grid), relative_size=None,
            patch_size=patch_size, pretrain_size=pretrain_size, in_channels=in_channels, window_size=window_size,
            global_blocks=global_blocks, out_indices=out_indices, with_cls_token=with_cls_token,
            final_norm=final_norm, drop_path_rate=drop_path_rate, frozen_stages=frozen_stages, with_cp=with_cp,
            init_cfg=init_cfg)  # fmt: skip


@MODELS.register_module()
class EVA(PlainViT):
    """EVA (2022): GELU, absolute positions, optionally ViTDet's decomposed relative ones, which detection uses.

    Args:
        arch: ``'b'``, ``'l'``, ``'g'`` (the released one, heads of 88 channels), or a dict as in ``EVA02`` (``hidden``
            by default 4 times ``embed_dims``, rounded down).
        relative_size: Side in px of the training images, which sets the relative positions' tables of blocks without
            windows; ``None``: no relative positions.  Tables of other sizes are resized linearly.
        patch_size, pretrain_size, in_channels, window_size, global_blocks, out_indices, with_cls_token, final_norm,
            drop_path_rate, frozen_stages, with_cp, init_cfg: As in ``EVA02``.

    Raises:
        ValueError: as ``EVA02``; relative positions with a class token.
    """

    def __init__(self,
                 arch: str | Mapping[str, Any] = 'g',
                 patch_size: int = 16,
                 pretrain_size: int = 224,
                 in_channels: int = 3,
                 window_size: int = 0,
                 global_blocks: Sequence[int] = (),
                 out_indices: Sequence[int] | None = None,
                 with_cls_token: bool = False,
                 final_norm: bool = False,
                 drop_path_rate: float = 0.0,
                 relative_size: int | None = None,
                 frozen_stages: int = -1,
                 with_cp: bool = False,
                 init_cfg: dict | list | None = None) -> None:
        if relative_size is not None and with_cls_token:
            raise ValueError(f'EVA: relative_size={relative_size} with a class token, which has no place on the grid. '
                             'Fix: with_cls_token=False.')
        super().__init__(
            _arch('EVA', arch, EVA_ARCHS, 4), ffn='gelu', rotary=None, relative_size=relative_size,
            patch_size=patch_size, pretrain_size=pretrain_size, in_channels=in_channels, window_size=window_size,
            global_blocks=global_blocks, out_indices=out_indices, with_cls_token=with_cls_token,
            final_norm=final_norm, drop_path_rate=drop_path_rate, frozen_stages=frozen_stages, with_cp=with_cp,
            init_cfg=init_cfg)  # fmt: skip


def _arch(name: str, arch: str | Mapping[str, Any], known: Mapping[str, Arch], ratio: float) -> Arch:
    if isinstance(arch, str):
        if arch not in known:
            raise ValueError(f'{name}: arch={arch!r} is none of {sorted(known)}. Fix: one of them, or a dict of '
                             'embed_dims, depth and num_heads.')
        return known[arch]
    needed, allowed = {'embed_dims', 'depth', 'num_heads'}, set(Arch._fields)
    if not needed <= set(arch) <= allowed:
        raise ValueError(f'{name}: arch has the keys {sorted(arch)}. Fix: {sorted(needed)}, and possibly '
                         f'{sorted(allowed - needed)}.')
    size = Arch(**{'hidden': int(arch['embed_dims'] * ratio), 'packed': True, **arch})
    if size.embed_dims % size.num_heads:
        raise ValueError(f'{name}: embed_dims={size.embed_dims} is no multiple of num_heads={size.num_heads}. '
                         'Fix: choose one that divides it.')
    return size


def _checked_outputs(name: str, arch: Arch, out_indices: Sequence[int] | None) -> tuple[int, ...]:
    outs = (arch.depth - 1, ) if out_indices is None else tuple(out_indices)
    if not outs or list(outs) != sorted(set(outs)) or outs[0] < 0 or outs[-1] >= arch.depth:
        raise ValueError(f'{name}: out_indices={outs}. Fix: ascending numbers of blocks from 0 to {arch.depth - 1}.')
    return outs


def _check_windows(name: str, arch: Arch, window: int, global_blocks: Sequence[int], with_cls_token: bool) -> None:
    if window and with_cls_token:
        raise ValueError(f'{name}: window_size={window} with a class token, which is in no window. '
                         'Fix: with_cls_token=False.')
    if any(not 0 <= index < arch.depth for index in global_blocks):
        raise ValueError(f'{name}: global_blocks={tuple(global_blocks)}. Fix: blocks from 0 to {arch.depth - 1}.')
