"""Blocks of EVA's vision transformers: attention with biases of query and value, feed-forward nets, windows.

Papers: "EVA", https://arxiv.org/abs/2211.07636; "EVA-02", https://arxiv.org/abs/2303.11331; windows and relative
positions: "Exploring Plain Vision Transformer Backbones for Object Detection", https://arxiv.org/abs/2203.16527.
Original code (MIT): https://github.com/baaivision/EVA/tree/5623d08 .  Parameter names are the original's.

Shapes: B images, N tokens on a grid of H x W, possibly after a class token, C channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from .rotary import RotaryEmbedding2D, RotaryTables

EPS = 1e-6  # of all layer norms


class PackedSwiGLU(nn.Module):
    """SwiGLU with one matrix for gate and value: (..., C) -> (..., C)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.w12 = nn.Linear(channels, 2 * hidden)
        self.w3 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Gate, then project."""
        gate, value = self.w12(x).chunk(2, dim=-1)
        return self.w3(F.silu(gate) * value)


class NormedSwiGLU(nn.Module):
    """SwiGLU with two matrices and a layer norm before the last ("sub-LN"): (..., C) -> (..., C)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(channels, hidden)
        self.w2 = nn.Linear(channels, hidden)
        self.ffn_ln = nn.LayerNorm(hidden, eps=EPS)
        self.w3 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Gate, normalize, project."""
        return self.w3(self.ffn_ln(F.silu(self.w1(x)) * self.w2(x)))


class GELUMlp(nn.Module):
    """Two linear layers with GELU: (..., C) -> (..., C)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Widen and project."""
        return self.fc2(F.gelu(self.fc1(x)))


FFNS: dict[str, type[nn.Module]] = dict(packed=PackedSwiGLU, separate=NormedSwiGLU, gelu=GELUMlp)


class RelativePositions(nn.Module):
    """ViTDet's decomposed relative positions: what is added to the scores of attention on a grid.

    The score of query (y, x) and key (y', x') gains ``q . rel_pos_h[y - y'] + q . rel_pos_w[x - x']``.  Tables of
    another grid than that of construction are resized linearly, as in ViTDet.

    Args:
        head_dims: D.
        size: H and W of the grid.
    """

    def __init__(self, head_dims: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * size[0] - 1, head_dims))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * size[1] - 1, head_dims))

    def forward(self, query: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, heads, H * W, D) -> (B, heads, H * W, H * W)."""
        height, width = size
        grid = query.unflatten(2, size)
        rows = torch.einsum('bnhwd,hkd->bnhwk', grid, _between(self.rel_pos_h, height))
        columns = torch.einsum('bnhwd,wkd->bnhwk', grid, _between(self.rel_pos_w, width))
        return (rows[..., :, None] + columns[..., None, :]).flatten(-2).flatten(2, 3)


def _between(table: Tensor, side: int) -> Tensor:
    """(2 S - 1, D) -> (side, side, D): the row of each pair of query and key."""
    wanted = 2 * side - 1
    if table.size(0) != wanted:
        table = F.interpolate(table.T[None], size=wanted, mode='linear')[0].T
    places = torch.arange(side, device=table.device)
    return table[places[:, None] - places[None] + side - 1]


class EVAAttention(nn.Module):
    """Attention whose queries and values have a bias and whose keys have none.

    Args:
        channels: C.
        heads: Number of heads.
        packed: One matrix ``qkv`` instead of ``q_proj``, ``k_proj`` and ``v_proj``.
        rotary: Turns queries and keys.
        relative: Size of the grid of decomposed relative positions; ``None``: none.
    """

    def __init__(self, channels: int, heads: int, *, packed: bool, rotary: RotaryEmbedding2D | None = None,
                 relative: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.heads, self.packed, self.rotary = heads, packed, rotary
        if packed:
            self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        else:
            self.q_proj, self.k_proj, self.v_proj = (nn.Linear(channels, channels, bias=False) for _ in range(3))
        self.q_bias = nn.Parameter(torch.zeros(channels))
        self.v_bias = nn.Parameter(torch.zeros(channels))
        self.proj = nn.Linear(channels, channels)
        self.relative = None if relative is None else RelativePositions(channels // heads, relative)

    def forward(self, x: Tensor, size: tuple[int, int], tables: RotaryTables | None) -> Tensor:
        """(B, N, C) -> (B, N, C); ``size`` is H, W of the tokens and ``tables`` are the rotary ones of that grid."""
        if self.packed:
            bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
            query, key, value = F.linear(x, self.qkv.weight, bias).chunk(3, dim=-1)
        else:
            query = F.linear(x, self.q_proj.weight, self.q_bias)
            key, value = self.k_proj(x), F.linear(x, self.v_proj.weight, self.v_bias)
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (query, key, value))
        if self.rotary is not None and tables is not None:
            query, key = self.rotary(query, tables), self.rotary(key, tables)
        scores = None if self.relative is None else self.relative(query, size).to(query.dtype)
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=scores)
        return self.proj(out.transpose(1, 2).flatten(2))


class EVABlock(nn.Module):
    """Attention and feed-forward net, each after a layer norm and added to its input.

    Windowed attention pads the normalized tokens at the bottom and right with zeros, which take part in the softmax
    as keys without a mask: that is what the released weights were trained with.

    Args:
        channels: C.
        hidden: Channels within the feed-forward net.
        ffn: A key of ``FFNS``.
        attention: The block's attention.
        window: Side of the windows in tokens; 0 lets every token see all.
        drop_path: Probability that a residual of an image is left out in training.
    """

    def __init__(self, channels: int, hidden: int, *, ffn: str, attention: EVAAttention, window: int = 0,
                 drop_path: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=EPS)
        self.attn = attention
        self.norm2 = nn.LayerNorm(channels, eps=EPS)
        self.mlp = FFNS[ffn](channels, hidden)
        self.drop_path = DropPath(drop_path)
        self.window = window

    def forward(self, x: Tensor, size: tuple[int, int], tables: RotaryTables | None) -> Tensor:
        """(B, N, C) -> (B, N, C); ``tables`` are those of a window where the block has windows."""
        normed = self.norm1(x)
        attended = self.attn(normed, size, tables) if not self.window else self._in_windows(normed, size, tables)
        x = x + self.drop_path(attended)
        return x + self.drop_path(self.mlp(self.norm2(x)))

    def _in_windows(self, x: Tensor, size: tuple[int, int], tables: RotaryTables | None) -> Tensor:
        (height, width), side = size, self.window
        down, right = -height % side, -width % side
        grid = F.pad(x.unflatten(1, size), (0, 0, 0, right, 0, down))
        rows, columns = grid.size(1) // side, grid.size(2) // side
        windows = grid.unflatten(2, (columns, side)).unflatten(1, (rows, side)).transpose(2, 3)
        out = self.attn(windows.reshape(-1, side * side, x.size(-1)), (side, side), tables)
        grid = out.reshape(windows.shape).transpose(2, 3).flatten(3, 4).flatten(1, 2)
        return grid[:, :height, :width].flatten(1, 2)
