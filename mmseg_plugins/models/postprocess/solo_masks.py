"""From SOLO's cells to instances in bounded memory.

Steps of ``get_seg_single`` in https://github.com/WXinlong/SOLO/tree/f4cd03b9404e3bd84ca0be45966fb61d20d2efe6
(mmdet/models/anchor_heads/solo_head.py), with the same results.  There, and in stock mmdet, the soft masks of all
candidates exist at once, and those of the final instances at the original size: users met requests of up to
258 GB.  Here masks are computed in chunks from what the head hands over, only the binary ones of the best ``nms_pre``
are kept, and the final ones are enlarged a few at a time.

Letters: T cells of all levels, C classes, K candidates, (h, w) the size of the common mask map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmdet.structures.mask import encode_mask_results
from torch import Tensor

from mmseg_plugins.structures.masks import mask_boxes

from .matrix_nms import matrix_nms

#: Gives the mask probabilities (n, h, w), float32, of the cells (n,), in a tensor of its own that may be overwritten.
MaskSource = Callable[[Tensor], Tensor]

CHUNK_BYTES = 2**27  # of one chunk of soft masks as float32; a step holds about three chunks


class Instances(NamedTuple):
    """Chosen cells, best first: scores (K,), class labels (K,), cells (K,)."""

    scores: Tensor
    labels: Tensor
    cells: Tensor


def point_nms(scores: Tensor) -> Tensor:
    """Set scores (B, C, S, S) to zero that are below one to the left, above, or above left of them or their like.

    A cell survives that is the largest of the 2 x 2 cells of which it is the lower right one.
    """
    largest = F.max_pool2d(scores, 2, stride=1, padding=1)[:, :, :-1, :-1]
    return scores * (largest == scores)


def chunks(items: Tensor, size: int) -> Iterator[Tensor]:
    """Yield ``items`` (n,) in pieces of at most ``size``; nothing for no items."""
    for start in range(0, len(items), size):
        yield items[start:start + size]


class BestMasks:
    """The ``capacity`` best binary masks of a stream, replaced in place as better ones come.

    Attributes:
        count: How many there are; the first ``count`` entries of the others are filled.
        masks: (capacity, h, w) bool.
        scores: (capacity,).
        items: (capacity,) what the caller calls each of them.
        areas: (capacity,) pixels.
    """

    def __init__(self, capacity: int, map_size: Sequence[int], device: torch.device) -> None:
        self.count = 0
        self.masks = torch.empty(capacity, *map_size, dtype=torch.bool, device=device)
        self.scores = torch.zeros(capacity, device=device)
        self.items = torch.zeros(capacity, dtype=torch.long, device=device)
        self.areas = torch.zeros(capacity, device=device)

    def add(self, masks: Tensor, scores: Tensor, items: Tensor, areas: Tensor) -> None:
        """Take in masks (n, h, w) with their scores, names and areas (n,)."""
        capacity = len(self.scores)
        free = min(capacity - self.count, len(scores))
        self._put(torch.arange(self.count, self.count + free, device=scores.device), masks[:free], scores[:free],
                  items[:free], areas[:free])
        self.count += free
        if free == len(scores):
            return
        masks, scores, items, areas = masks[free:], scores[free:], items[free:], areas[free:]
        best = torch.cat([self.scores, scores]).argsort(descending=True, stable=True)[:capacity]
        stays = torch.zeros(capacity, dtype=torch.bool, device=scores.device)
        stays[best[best < capacity]] = True
        new = best[best >= capacity] - capacity
        self._put((~stays).nonzero().flatten(), masks[new], scores[new], items[new], areas[new])

    def _put(self, slots: Tensor, masks: Tensor, scores: Tensor, items: Tensor, areas: Tensor) -> None:
        self.masks[slots], self.scores[slots] = masks, scores
        self.items[slots], self.areas[slots] = items, areas


def choose_cells(scores: Tensor, strides: Tensor, masks: MaskSource, map_size: Sequence[int], cfg: Any,
                 chunk_bytes: int = CHUNK_BYTES) -> Instances:
    """Choose the cells that become instances.

    Score above ``score_thr``; mask (probability above ``mask_thr``) of more pixels than the level's stride; score times
    the mean probability inside the mask; the ``nms_pre`` best through matrix NMS; at least ``filter_thr``; the
    ``max_per_img`` best.

    Args:
        scores: (T, C) probabilities after point NMS.
        strides: (T,) stride of each cell's level.
        masks: See :data:`MaskSource`.
        map_size: (h, w) of the masks.
        cfg: mmdet's ``test_cfg`` of SOLO: the six names above, ``kernel`` and ``sigma``.
        chunk_bytes: Most memory of the soft masks that exist at a time.
    """
    cells, labels = (scores > cfg.score_thr).nonzero(as_tuple=True)
    found = scores[cells, labels].float()
    capacity = min(len(cells), cfg.nms_pre) if cfg.nms_pre > 0 else len(cells)
    best = BestMasks(capacity, map_size, found.device)
    per_chunk = items_per_chunk(map_size[0] * map_size[1], chunk_bytes)
    for part in chunks(torch.arange(len(cells), device=cells.device), per_chunk):
        soft = masks(cells[part])
        binary = soft > cfg.mask_thr
        areas = binary.sum((1, 2)).float()
        maskness = soft.mul_(binary).sum((1, 2)) / areas
        kept = (areas > strides[cells[part]]).nonzero().flatten()  # once: each mask would make the host wait
        best.add(binary[kept], (found[part] * maskness)[kept], part[kept], areas[kept])
    items = best.items[:best.count]
    final, chosen = matrix_nms(
        best.masks[:best.count],
        labels[items],
        best.scores[:best.count],
        areas=best.areas[:best.count],
        filter_thr=cfg.filter_thr,
        max_num=cfg.max_per_img,
        kernel=cfg.kernel,
        sigma=cfg.sigma)
    return Instances(final, labels[items[chosen]], cells[items[chosen]])


def full_size_masks(cells: Tensor, masks: MaskSource, *, stride: int, map_size: Sequence[int], img_shape: Sequence[int],
                    out_shape: Sequence[int], mask_thr: float, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Tensor]:
    """Yield binary masks (n, H, W) of the ``cells`` (K,) in the frame of the original image, a few at a time.

    Soft masks are enlarged to the padded image, cropped to the image, resized to the original one (bilinear, each), and
    compared with ``mask_thr``.

    Args:
        stride: Of the mask map, in pixels of the padded image.
        map_size: (h, w) of the mask map.
        img_shape: Size (height, width) of the image without padding.
        out_shape: (H, W) of the original image.
    """
    padded = (map_size[0] * stride, map_size[1] * stride)
    height, width = img_shape[:2]
    size = (int(out_shape[0]), int(out_shape[1]))
    per_chunk = items_per_chunk(padded[0] * padded[1] + size[0] * size[1], chunk_bytes)
    for part in chunks(cells, per_chunk):
        soft = F.interpolate(masks(part)[None], size=padded, mode='bilinear', align_corners=False)
        soft = soft[:, :, :height, :width]
        if size != (height, width):
            soft = F.interpolate(soft, size=size, mode='bilinear', align_corners=False)
        yield soft[0] > mask_thr


def items_per_chunk(pixels: int, chunk_bytes: int) -> int:
    """How many float32 maps of so many pixels fit into ``chunk_bytes``; at least one."""
    return max(1, chunk_bytes // (4 * max(pixels, 1)))


def collect_masks(pieces: Iterator[Tensor], number: int, shape: tuple[int, ...], device: torch.device,
                  rle: bool) -> tuple[Tensor | list[dict], Tensor]:
    """All masks as one bool tensor or as RLEs, and their boxes; a piece is dropped before the next one is made."""
    boxes = torch.zeros(number, 4, device=device)
    dense = torch.empty(0 if rle else number, *shape, dtype=torch.bool, device=device)
    encoded: list[dict] = []
    start = 0
    for piece in pieces:
        stop = start + len(piece)
        boxes[start:stop] = mask_boxes(piece)
        if rle:
            encoded += encode_mask_results(piece.cpu().numpy())
        else:
            dense[start:stop] = piece
        start = stop
    return (encoded if rle else dense), boxes
