"""The decoder of SegNet and DeconvNet: unpool with the encoder's indices, fill in with convolutions, again and again.

Shapes: B images, C_i channels and h_i x w_i cells of the encoder's i-th pooled map, i = 1 (finest) .. n; H x W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

from torch import Tensor, nn

from mmseg_plugins.models.layers.unpool import max_unpool


class UnpoolDecoder(nn.Module):
    """One block a pooling, coarsest first: unpooling to the size that was pooled, then layers.

    .. code-block:: none

        x (C_n) -unpool n-> blocks[0] -[dropout]-> -unpool n-1-> blocks[1] -> ... -unpool 1-> blocks[n-1] -> H x W

    Args:
        in_channels: Of x.
        index_channels: C_1 .. C_n: every block must end with the width of the indices that follow.
        widths: Output channels of the layers of each block, coarsest block first.
        layer: Makes one layer from its numbers of input and output channels; it must keep the size.
        dropout: Rate after the blocks of ``dropout_blocks`` (n .. 1, as the poolings that they undo).

    Shape:
        ``forward``: x (B, C_n, h_n, w_n), indices 1 .. n, size (H, W) -> (B, ``widths[-1][-1]``, H, W).

    Raises:
        ValueError: the widths do not fit the indices, or there are not as many blocks.
    """

    def __init__(self,
                 in_channels: int,
                 index_channels: Sequence[int],
                 widths: Sequence[Sequence[int]],
                 layer: Callable[[int, int], nn.Module],
                 *,
                 dropout: float = 0.5,
                 dropout_blocks: Collection[int] = ()) -> None:
        super().__init__()
        depth = len(widths)
        if depth != len(index_channels) or not all(widths):
            raise ValueError(f'{depth} blocks of widths {list(widths)} for {len(index_channels)} index maps: one block '
                             'of at least one layer undoes one pooling')
        if not set(dropout_blocks) <= set(range(1, depth + 1)):
            raise ValueError(f'dropout after blocks {tuple(dropout_blocks)}, but they are counted 1..{depth}')
        entering = [in_channels, *(block[-1] for block in widths[:-1])]
        if entering != list(reversed(index_channels)):
            raise ValueError(
                f'values of {entering} channels meet indices of {list(reversed(index_channels))} channels (coarsest '
                'first); the map that is read and the last layer of every block but the last must have the width of '
                'the indices that unpool them')
        self.blocks = nn.ModuleList()
        for channels, block in zip(entering, widths, strict=True):
            self.blocks.append(nn.Sequential(*(layer(a, b) for a, b in pairwise([channels, *block]))))
        self.dropouts = nn.ModuleDict({str(block): nn.Dropout(dropout) for block in sorted(dropout_blocks)})

    def forward(self, x: Tensor, indices: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Decode ``x`` up to ``size``, the size of the image."""
        sizes = [size, *((index.shape[-2], index.shape[-1]) for index in indices[:-1])]
        for stage, block in zip(range(len(indices), 0, -1), self.blocks, strict=True):
            x = block(max_unpool(x, indices[stage - 1], sizes[stage - 1]))
            if str(stage) in self.dropouts:
                x = self.dropouts[str(stage)](x)
        return x
