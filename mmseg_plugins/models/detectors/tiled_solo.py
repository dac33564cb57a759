"""SOLO and SOLOv2 on images larger than those they were trained on, tile by tile.

SOLO's grid divides the image, whatever its size, and its coordinate channels run from -1 to 1 across it.  A model that
was trained on crops of 256 pixels with cells of 6 pixels therefore sees cells of 16 pixels on a photograph of 640, and
positions that change 2.5 times slower: it finds less and draws worse.  Box detectors do not have this trouble.  Here
the photograph is cut into overlapping tiles of the training size instead.  Memory is bounded as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmdet.models.detectors import SOLO
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.models.dense_heads.grid_mask_mixin import collect_masks
from mmseg_plugins.registry import MODELS


class Span(NamedTuple):
    """A tile along one axis, in pixels: where it starts, and the half-open core in which it answers for centres."""

    start: int
    first: float
    last: float


class Found(NamedTuple):
    """One tile's instances: offset (x, y) of the tile, and what was found in it."""

    offset: tuple[int, int]
    instances: InstanceData


def spans(length: int, tile: int, overlap: int) -> list[Span]:
    """Cut ``length`` pixels into evenly spaced tiles that overlap by at least ``overlap``.

    The cores meet in the middle of the overlaps, so that every point belongs to one tile.  Example: 500 pixels in tiles
    of 256 with an overlap of 12 or less are two tiles, at 0 and 244, whose cores meet at 250.
    """
    count = 1 if length <= tile else -(-(length - overlap) // (tile - overlap))
    starts = [0] if count == 1 else [round(i * (length - tile) / (count - 1)) for i in range(count)]
    borders = [(before + tile + after) / 2 for before, after in pairwise(starts)]
    return [Span(*span) for span in zip(starts, [-torch.inf, *borders], [*borders, torch.inf], strict=True)]


@MODELS.register_module()
class TiledSOLO(SOLO):
    """Stock ``SOLO`` / ``SOLOv2`` whose prediction runs on tiles; training is the stock one's.

    An instance is taken from the tile in whose core its box's centre lies; the best ``test_cfg.max_per_img`` of all
    tiles are kept.  An object larger than ``overlap`` may be cut at a tile's border.

    Args:
        tile: (height, width) of a tile in pixels of the resized image: the size of the training crops.
        overlap: Least overlap of neighbouring tiles in pixels: the size of the largest usual object.
        tiles_per_batch: How many tiles go through the network at once.
        args, kwargs: Those of the stock detectors; the mask head is one of this package's.

    Raises:
        ValueError: the overlap does not leave a tile any room of its own, or a side of the tile is no multiple of the
            mask head's largest stride.
    """

    removes_padding = True  # tiles are cut out of the image alone: no warning of PaddingCheckHook

    def __init__(self, *args: Any, tile: tuple[int, int], overlap: int, tiles_per_batch: int = 4,
                 **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not 0 <= overlap < min(tile):
            raise ValueError(f'overlap={overlap} must be at least 0 and smaller than both sides of tile={tuple(tile)}')
        coarsest = max(self.mask_head.strides)
        if any(side % coarsest for side in tile):
            raise ValueError(f'both sides of tile={tuple(tile)} must be multiples of {coarsest}, the coarsest of '
                             f'mask_head.strides={list(self.mask_head.strides)}: tiles are not padded further')
        self.tile = tuple(tile)
        self.overlap = overlap
        self.tiles_per_batch = tiles_per_batch
        self.mask_head.test_cfg = ConfigDict(self.mask_head.test_cfg, rle=False)  # tiles are put together as arrays

    def predict(self, batch_inputs: Tensor, batch_data_samples: list[DetDataSample], rescale: bool = True,
                **kwargs: Any) -> list[DetDataSample]:
        """Instances of images (B, 3, H, W), in the frame of the photographs or, without ``rescale``, of the images."""
        results = []
        for image, sample in zip(batch_inputs, batch_data_samples, strict=True):
            found = list(self.predict_tiles(image, tuple(sample.img_shape[:2])))
            out_shape = tuple(sample.ori_shape[:2]) if rescale else tuple(sample.img_shape[:2])
            results.append(self.put_together(found, tuple(sample.img_shape[:2]), out_shape))
        return self.add_pred_to_datasample(batch_data_samples, results)

    def predict_tiles(self, image: Tensor, img_shape: tuple[int, ...]) -> Iterator[Found]:
        """Instances of each tile of one padded image (3, H, W), in the frame of the tile."""
        (height, width), (rows, columns) = self.tile, img_shape
        tiles = list(product(spans(rows, height, self.overlap), spans(columns, width, self.overlap)))
        for begin in range(0, len(tiles), self.tiles_per_batch):
            part = tiles[begin:begin + self.tiles_per_batch]
            crops = [image[:, y.start:y.start + height, x.start:x.start + width] for y, x in part]
            crops = [F.pad(crop, (0, width - crop.shape[2], 0, height - crop.shape[1])) for crop in crops]
            sizes = [(min(height, rows - y.start), min(width, columns - x.start)) for y, x in part]
            samples = [
                DetDataSample(metainfo=dict(img_shape=size, ori_shape=size, batch_input_shape=self.tile))
                for size in sizes
            ]
            maps = self.extract_feat(torch.stack(crops))
            for (y, x), result in zip(part, self.mask_head.predict(maps, samples, rescale=False), strict=True):
                boxes = result.bboxes
                centre_x = (boxes[:, 0] + boxes[:, 2]) / 2 + x.start
                centre_y = (boxes[:, 1] + boxes[:, 3]) / 2 + y.start
                mine = (x.first <= centre_x) & (centre_x < x.last) & (y.first <= centre_y) & (centre_y < y.last)
                yield Found((x.start, y.start), result[mine])

    def put_together(self, found: list[Found], img_shape: tuple[int, ...], out_shape: tuple[int, ...]) -> InstanceData:
        """The best instances of all tiles in one frame."""
        scores = torch.cat([part.instances.scores for part in found])
        labels = torch.cat([part.instances.labels for part in found])
        owners = [(tile, i) for tile, part in enumerate(found) for i in range(len(part.instances))]
        order = scores.argsort(descending=True, stable=True)[:self.test_cfg.max_per_img]

        def full_masks() -> Iterator[Tensor]:
            for index in order.tolist():
                tile, i = owners[index]
                (x, y), crop = found[tile].offset, found[tile].instances.masks[i]
                mask = F.pad(crop, (x, img_shape[1] - x - crop.shape[1], y, img_shape[0] - y - crop.shape[0]))[None]
                if out_shape != img_shape:
                    soft = F.interpolate(mask[None].float(), size=out_shape, mode='bilinear', align_corners=False)
                    mask = soft[0] > 0.5
                yield mask

        rle = self.test_cfg.get('rle', False)
        masks, boxes = collect_masks(full_masks(), len(order), out_shape, scores.device, rle)
        return InstanceData(scores=scores[order], labels=labels[order], masks=masks, bboxes=boxes)

