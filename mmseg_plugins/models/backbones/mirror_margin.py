"""A network of unpadded convolutions on images of any size: mirrored margins and overlapping tiles.

Papers: U-Net, https://arxiv.org/abs/1505.04597 (the "overlap-tile" figure), and "Multi-Scale Context Aggregation by
Dilated Convolutions", https://arxiv.org/abs/1511.07122, whose code
(https://github.com/fyu/dilation/tree/0f105742e8c2202af12feb54374781ba55c3e112, predict.py) mirrors by
``BORDER_REFLECT_101``; U-Net's text does not say which way of mirroring it means.
"""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from mmseg_plugins.models.layers.mirror import mirror_pad
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class MirrorMargin(BaseModule):
    """Any backbone, on an image with a mirrored margin around it.

    .. code-block:: none

        |<- margin ->|<------ image ------>|<- filled up ->|<- margin ->|
                     |<------ covered: remainder mod divisor --------->|   (without the right margin)

    The first cell of the result belongs to the first pixel of the image; the result reaches ``remainder - H mod
    divisor`` px further than the image, and the head cuts that off.  The pixels that fill the image up mirror the
    padded image, margin included, as in DilatedNet's tiles.

    Args:
        net: Config of a backbone, with its prefix, that gives one map and takes (H + 2 margin) x (W + 2 margin) px to
            a map of H / stride x W / stride cells.
        margin: Pixels that the network loses on each side: 92 of U-Net, 186 of DilatedNet.
        divisor: The covered size is ``remainder`` modulo this: 16 and 4 of U-Net, 8 and 0 of DilatedNet.
        remainder: See ``divisor``.
        when: ``'test'`` leaves training images as they are (the labels are cut instead, see the heads);
            ``'always'`` gives training images a margin, too.
        tile: In evaluation, run over tiles whose results are ``tile`` x ``tile`` px, to bound the memory.  Tiles lie on
            the network's grid, so the result is that of the whole image.  None runs over the whole image at once.

    Shape:
        (B, 3, H, W) -> one map (B, C, h, w) with h >= H / stride, in a tuple.

    Raises:
        ValueError: for another ``when``, a ``tile`` off the grid, or a network with several maps under tiles.
    """

    def __init__(self,
                 *,
                 net: dict,
                 margin: int,
                 divisor: int,
                 remainder: int = 0,
                 when: str = 'test',
                 tile: int | None = None,
                 init_cfg: dict | list | None = None) -> None:
        if when not in ('test', 'always'):
            raise ValueError(f"MirrorMargin: when={when!r}, it must be 'test' or 'always'")
        if tile is not None and (tile <= remainder or (tile - remainder) % divisor):
            smaller = max(tile - (tile - remainder) % divisor, remainder + divisor)
            raise ValueError(
                f'MirrorMargin: tile={tile} px is not {remainder} + a multiple of {divisor}; use {smaller}')
        super().__init__(init_cfg=init_cfg)
        self.net = MODELS.build(net)
        self.margin, self.divisor, self.remainder = margin, divisor, remainder
        self.when, self.tile = when, tile

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give the maps of ``net``."""
        if self.training and self.when == 'test':
            return tuple(self.net(x))
        height, width = x.shape[-2:]
        tile = None if self.training else self.tile
        covered = (self._covered(height, tile), self._covered(width, tile))
        margin = self.margin
        x = mirror_pad(x, (margin, margin), (margin, margin))
        x = mirror_pad(x, (0, 0), (covered[0] - height, covered[1] - width))
        if tile is None or max(covered) <= tile:
            return tuple(self.net(x))
        return (self._tiled(x, covered, tile), )

    def _covered(self, size: int, tile: int | None) -> int:
        """Pixels of the image and what fills it up."""
        if tile is None or size <= tile:
            return size + (self.remainder - size) % self.divisor
        step = tile - self.remainder
        return tile + -(-(size - tile) // step) * step

    def _tiled(self, x: Tensor, covered: tuple[int, int], tile: int) -> Tensor:
        """The map of a padded image, tile by tile."""
        sides = [min(size, tile) for size in covered]
        starts = [range(0, size - side + 1, tile - self.remainder) for size, side in zip(covered, sides, strict=True)]
        result: Any = None
        for top in starts[0]:
            for left in starts[1]:
                piece = x[..., top:top + sides[0] + 2 * self.margin, left:left + sides[1] + 2 * self.margin]
                maps = self.net(piece)
                if len(maps) != 1:
                    raise ValueError(f'MirrorMargin: tile={tile} needs a network with one map, '
                                     f'{type(self.net).__name__} gives {len(maps)}; choose one by out_indices')
                height, width = maps[0].shape[-2:]
                stride = sides[0] // height
                if result is None:
                    result = maps[0].new_empty(*maps[0].shape[:2], covered[0] // stride, covered[1] // stride)
                row, column = top // stride, left // stride
                result[..., row:row + height, column:column + width] = maps[0]
        return result
