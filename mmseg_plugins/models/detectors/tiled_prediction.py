"""Instances of an image larger than those that a network was trained on, tile by tile.

The image is cut into overlapping tiles of the training size.  Memory does not grow with the number of tiles: the
network's maps and whole masks exist for one batch of tiles, and of all tiles so far the best instances are held,
cropped to their boxes.  Only the result grows with the image, unless its masks are RLEs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.models.postprocess.ranking import best_indices
from mmseg_plugins.models.postprocess.solo_masks import collect_masks


class Span(NamedTuple):
    """A tile along one axis, in pixels: where it starts, and the half-open core in which it answers for centres."""

    start: int
    first: float
    last: float


class Found(NamedTuple):
    """Instances in the frame of the image.

    Attributes:
        scores: (n,).
        labels: (n,).
        corners: x, y of each crop's upper left pixel.
        crops: Masks (h, w), bool, cut to their boxes, each with memory of its own.
    """

    scores: Tensor
    labels: Tensor
    corners: list[tuple[int, int]]
    crops: list[Tensor]


def keep_best(parts: Sequence[Found], limit: int) -> Found:
    """The ``limit`` instances (not above 0: all) with the highest scores of all ``parts``, best first."""
    scores = torch.cat([part.scores for part in parts])
    order = best_indices(scores, limit)
    corners, crops = ([item for part in parts for item in getattr(part, name)] for name in ('corners', 'crops'))
    chosen = order.tolist()
    labels = torch.cat([part.labels for part in parts])
    return Found(scores[order], labels[order], [corners[i] for i in chosen], [crops[i] for i in chosen])


def spans(length: int, tile: int, overlap: int) -> list[Span]:
    """Cut ``length`` pixels into evenly spaced tiles that overlap by at least ``overlap``.

    The cores meet in the middle of the overlaps, so that every point belongs to one tile.  Example: 500 pixels in tiles
    of 256 with an overlap of 12 or less are two tiles, at 0 and 244, whose cores meet at 250.
    """
    count = 1 if length <= tile else -(-(length - overlap) // (tile - overlap))
    starts = [0] if count == 1 else [round(i * (length - tile) / (count - 1)) for i in range(count)]
    borders = [(before + tile + after) / 2 for before, after in pairwise(starts)]
    return [Span(*span) for span in zip(starts, [-torch.inf, *borders], [*borders, torch.inf], strict=True)]


class TiledPrediction(ABC):
    """Prediction on tiles for an instance detector of the host, whose training stays as it is.

    A subclass, which is the host's detector as well, calls :meth:`set_tiles` and gives :meth:`instances_of_tiles`.

    An instance is taken from the tile in whose core its box's center lies; the best of all tiles are kept.  An object
    larger than ``overlap`` may be cut at a tile's border.

    That ownership is all there is between tiles: no suppression runs across them.  An object whose box comes out
    differently in two tiles, so that its center lies in each one's own core, is counted twice; one whose center lies in
    the other one's core both times, or that its owner does not find, is lost.  The former two need boxes that differ
    where tiles overlap: objects that a border cuts, or poor masks next to it.

    An image smaller than the tile is padded to it with zeros, the mean color.

    Attributes:
        max_per_img: Most instances of an image; not above 0: all.
        rle: Whether masks of a result are RLEs.
    """

    removes_padding = True  # tiles are cut out of the image alone: no warning of PaddingCheckHook
    max_per_img: int
    rle: bool

    def set_tiles(self, tile: tuple[int, int], overlap: int, tiles_per_batch: int, *, strides: Sequence[int],
                  owner: str) -> None:
        """Say how images are cut.

        Args:
            tile: (height, width) of a tile in pixels of the resized image: the size of the training crops.
            overlap: Least overlap of neighboring tiles in pixels: the size of the largest usual object.
            tiles_per_batch: How many tiles go through the network at once.
            strides: Of the maps that the head reads.
            owner: What has the strides, for the error.

        Raises:
            ValueError: the overlap does not leave a tile any room of its own, or a side of the tile is no multiple of
                the largest stride.
        """
        if not 0 <= overlap < min(tile):
            raise ValueError(f'overlap={overlap} must be at least 0 and smaller than both sides of tile={tuple(tile)}')
        coarsest = max(strides)
        if any(side % coarsest for side in tile):
            raise ValueError(f'both sides of tile={tuple(tile)} must be multiples of {coarsest}, the coarsest of '
                             f'{owner}.strides={list(strides)}: tiles are not padded further')
        self.tile = tuple(tile)
        self.overlap = overlap
        self.tiles_per_batch = tiles_per_batch

    @abstractmethod
    def instances_of_tiles(self, tiles: Tensor, samples: list[DetDataSample]) -> list[InstanceData]:
        """What the network finds in each of some tiles (T, 3, h, w), in the frame of the tile.

        ``masks`` (n, h, w) are bool, ``bboxes`` (n, 4) theirs.  An instance without a pixel is ignored.
        """

    def predict(self, batch_inputs: Tensor, batch_data_samples: list[DetDataSample], rescale: bool = True,
                **kwargs: Any) -> list[DetDataSample]:
        """Instances of images (B, 3, H, W), in the frame of the original images or, without ``rescale``, of these."""
        for image, sample in zip(batch_inputs, batch_data_samples, strict=True):
            img_shape = tuple(sample.img_shape[:2])
            out_shape = tuple(sample.ori_shape[:2]) if rescale else img_shape
            sample.pred_instances = self.put_together(self.best_of_tiles(image, img_shape), img_shape, out_shape)
        return batch_data_samples

    def best_of_tiles(self, image: Tensor, img_shape: tuple[int, ...]) -> Found:
        """The best ``max_per_img`` instances of all tiles of one padded image (3, H, W)."""
        rows, columns = (spans(length, tile, self.overlap) for length, tile in zip(img_shape, self.tile, strict=True))
        tiles = list(product(rows, columns))
        device = image.device
        best = Found(torch.zeros(0, device=device), torch.zeros(0, dtype=torch.long, device=device), [], [])
        for begin in range(0, len(tiles), self.tiles_per_batch):
            for found in self.predict_tiles(image, tiles[begin:begin + self.tiles_per_batch], img_shape):
                best = keep_best([best, found], self.max_per_img)
        return best

    def predict_tiles(self, image: Tensor, tiles: Sequence[tuple[Span, Span]],
                      img_shape: tuple[int, ...]) -> list[Found]:
        """What each of a batch of tiles (rows, columns) answers for."""
        (height, width), (rows, columns) = self.tile, img_shape
        crops = [image[:, y.start:y.start + height, x.start:x.start + width] for y, x in tiles]
        crops = [F.pad(crop, (0, width - crop.shape[2], 0, height - crop.shape[1])) for crop in crops]
        sizes = [(min(height, rows - y.start), min(width, columns - x.start)) for y, x in tiles]
        samples = [
            DetDataSample(metainfo=dict(img_shape=size, ori_shape=size, batch_input_shape=self.tile)) for size in sizes
        ]
        results = self.instances_of_tiles(torch.stack(crops), samples)
        return [owned(result, *tile) for result, tile in zip(results, tiles, strict=True)]

    def put_together(self, found: Found, img_shape: tuple[int, ...], out_shape: tuple[int, ...]) -> InstanceData:
        """Instances with masks (n, H, W) of ``out_shape``, or their RLEs, made one by one."""

        def full_masks() -> Iterator[Tensor]:
            for (x, y), crop in zip(found.corners, found.crops, strict=True):
                mask = crop.new_zeros(1, *img_shape)
                mask[0, y:y + crop.shape[0], x:x + crop.shape[1]] = crop
                if out_shape != img_shape:
                    soft = F.interpolate(mask[None].float(), size=out_shape, mode='bilinear', align_corners=False)
                    mask = soft[0] > 0.5
                yield mask

        masks, boxes = collect_masks(full_masks(), len(found.crops), out_shape, found.scores.device, self.rle)
        return InstanceData(scores=found.scores, labels=found.labels, masks=masks, bboxes=boxes)


def owned(instances: InstanceData, rows: Span, columns: Span) -> Found:
    """Those of a tile's instances that have a pixel and whose box has its center in the tile's core."""
    boxes = instances.bboxes
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    x, y = centers[:, 0] + columns.start, centers[:, 1] + rows.start
    mine = (columns.first <= x) & (x < columns.last) & (rows.first <= y) & (y < rows.last)
    mine &= (boxes[:, 2:] > boxes[:, :2]).all(1)
    corners, crops = [], []
    for index in mine.nonzero().flatten().tolist():
        left, top, right, bottom = boxes[index].int().tolist()
        corners.append((left + columns.start, top + rows.start))
        crops.append(instances.masks[index, top:bottom, left:right].clone())
    return Found(instances.scores[mine], instances.labels[mine], corners, crops)
