"""Which grid cells of SOLO answer for which objects, and what masks they must draw.

Paper: SOLO, https://arxiv.org/abs/1912.04488, and SOLOv2, https://arxiv.org/abs/2003.10152.  Rule of
``solo_target_single`` in https://github.com/WXinlong/SOLO/tree/f4cd03b9404e3bd84ca0be45966fb61d20d2efe6 (mmdet/models/
anchor_heads/solo_head.py, solov2_head.py), written without loops over objects or cells and without copies between
devices.

Letters: N objects of an image, (H, W) its padded size in pixels, S cells along each side of a level's grid, P pairs of
(object, cell), C classes (``C`` itself is background).  Everything is in pixels of the padded image.

A pixel's coordinate is its index, so a mask of columns 4..7 has the center 5.5; the cell of a coordinate c on a side of
n pixels is (c / n) // (1 / S), divided and floored in double precision like the original's Python numbers.  (Stock
mmdet divides in single precision: a center exactly on the border of two cells may fall on the other side there.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class CellTargets(NamedTuple):
    """The positive cells of one level of one image.

    Attributes:
        labels: (S * S,) class of every cell, row by row; the last object that claims a cell gives it its class.
        cells: (P,) index row * S + column of each pair, ordered by object, row, column; a cell that several objects
            claim occurs once for each.
        objects: (P,) index of the object of each pair.
    """

    labels: Tensor
    cells: Tensor
    objects: Tensor


def mask_centers(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Centers of mass of binary masks (N, H, W): (N, 2) as y, x in double precision, and areas (N,) in pixels.

    An empty mask has area 0 and the center (0, 0).
    """
    height, width = masks.shape[1:]
    rows, columns = line_sums(masks)
    areas = rows.sum(1)
    y = (rows * torch.arange(height, device=masks.device)).sum(1)
    x = (columns * torch.arange(width, device=masks.device)).sum(1)
    return torch.stack([y, x], dim=1).double() / areas.clamp(min=1).double()[:, None], areas


def line_sums(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels in each row (N, H) and column (N, W), int64, of binary masks (N, H, W) of bytes or bool.

    Eight pixels are added at once as one 64-bit word: as long as no more than 255 words meet, no byte overflows into
    its neighbor.  Several times faster than summing bytes.
    """
    masks = masks.to(torch.uint8)
    width = masks.shape[2]
    if not len(masks):
        return masks.new_zeros(masks.shape[:2], dtype=torch.long), masks.new_zeros(0, width, dtype=torch.long)
    if width % 8:
        masks = F.pad(masks, (0, -width % 8))
    words = masks.contiguous().view(torch.int64)  # (N, H, ceil(W / 8))
    rows = [part.sum(2)[:, :, None].view(torch.uint8).sum(2) for part in words.split(255, dim=2)]
    columns = [part.sum(1).view(torch.uint8).long() for part in words.split(255, dim=1)]
    return torch.stack(rows).sum(0), torch.stack(columns).sum(0)[:, :width]


def center_cells(centers: Tensor, boxes: Tensor, size: Sequence[int], num_grid: int,
                 pos_scale: float) -> tuple[Tensor, Tensor]:
    """First and last cell (row, column), both (N, 2) and inclusive, of each object's center region.

    The region reaches ``pos_scale`` / 2 of the box's sides from the center of mass to each side, and at most one cell
    beyond the cell of the center: 1 x 1 to 3 x 3 cells.

    Args:
        centers: (N, 2) y, x.
        boxes: (N, 4) x1, y1, x2, y2.
        size: (H, W).
    """
    sides = (boxes[:, 2:] - boxes[:, :2]).flip(1).double()  # height, width
    reach = 0.5 * sides * pos_scale

    def cell(points: Tensor) -> Tensor:
        shares = torch.stack([points[:, axis] / torch.full_like(points[:, axis], size[axis]) for axis in (0, 1)], 1)
        return torch.div(shares, 1.0 / num_grid, rounding_mode='floor').long()

    center = cell(centers)
    first = torch.maximum(cell(centers - reach).clamp(min=0), center - 1)
    last = torch.minimum(cell(centers + reach).clamp(max=num_grid - 1), center + 1)
    return first, last


def assign_cells(centers: Tensor, areas: Tensor, boxes: Tensor, labels: Tensor, *, size: Sequence[int], num_grid: int,
                 scale_range: tuple[float, float], pos_scale: float, num_classes: int,
                 min_area: int = 1) -> CellTargets:
    """Give the objects of one level their cells.

    An object belongs to the level when the square root of its box's area lies in ``scale_range``, ends included; one
    of fewer than ``min_area`` mask pixels belongs to none.

    Args:
        centers: (N, 2) from :func:`mask_centers`.
        areas: (N,) mask pixels.
        boxes: (N, 4) x1, y1, x2, y2.
        labels: (N,) in 0..C - 1.
        size: (H, W).
        min_area: Least mask pixels, at least 1.
    """
    device = labels.device
    scales = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()
    chosen = (scales >= scale_range[0]) & (scales <= scale_range[1]) & (areas >= min_area)
    first, last = center_cells(centers, boxes, size, num_grid, pos_scale)
    lines = first[:, :, None] + torch.arange(3, device=device)  # (N, 2, 3): up to three rows, up to three columns
    inside = (lines <= last[:, :, None]) & chosen[:, None, None]
    pairs = inside[:, 0, :, None] & inside[:, 1, None, :]  # (N, 3, 3)
    cells = lines[:, 0, :, None] * num_grid + lines[:, 1, None, :]
    objects, row, column = pairs.nonzero(as_tuple=True)  # the one point where the host waits
    cells = cells[objects, row, column]
    owner = last_owner(cells, objects, num_grid**2)
    background = torch.full((num_grid**2, ), num_classes, dtype=torch.long, device=device)
    if len(labels):
        background = torch.where(owner >= 0, labels[owner.clamp(min=0)], background)
    return CellTargets(background, cells, objects)


def last_owner(cells: Tensor, objects: Tensor, num_cells: int) -> Tensor:
    """(``num_cells``,): the last of the ``objects`` (P,) that claim each of the ``cells`` (P,); -1 for none."""
    owner = torch.full((num_cells, ), -1, dtype=torch.long, device=cells.device)
    return owner.scatter_reduce(0, cells, objects, 'amax')


def shrink_masks(masks: Tensor, ratio: int) -> Tensor:
    """Shrink binary masks (N, H, W) to (N, int(H / r + .5), int(W / r + .5)) as OpenCV does, without OpenCV.

    The originals call ``cv2.resize`` with bilinear weights on uint8 masks.  Where an even ratio r divides both sides,
    each output pixel is the mean of the 2 x 2 input pixels around its center, rounded half up: output (y, x) is 1 when
    at least two of the pixels (r y + r/2 - 1 .. r y + r/2, r x + r/2 - 1 .. r x + r/2) are 1.  Elsewhere OpenCV's
    fixed-point weights decide.  Other ways of shrinking (area, nearest, antialiased) give other thin structures and
    lower scores.

    Raises:
        ValueError: ``ratio`` is neither 1 nor even.
    """
    height, width = masks.shape[1:]
    masks = masks.to(torch.uint8)
    if ratio == 1:
        return masks
    if ratio % 2:
        raise ValueError(f'masks of {height} x {width} pixels cannot be shrunk {ratio} times: the ratio must be even; '
                         'give strides that are powers of two')
    if height % ratio or width % ratio:
        return _resize_masks(masks, (int(height / ratio + 0.5), int(width / ratio + 0.5)))
    low = ratio // 2 - 1
    pairs = masks[:, low::ratio] + masks[:, low + 1::ratio]
    return (pairs[:, :, low::ratio] + pairs[:, :, low + 1::ratio] >= 2).to(torch.uint8)


def _resize_masks(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """``cv2.resize`` with ``INTER_LINEAR`` of uint8 masks (N, H, W) to (N, h, w), to the bit: its integers."""
    top, bottom, upper, lower = _opencv_taps(masks.shape[1], size[0], masks.device)
    left, right, before, after = _opencv_taps(masks.shape[2], size[1], masks.device)
    rows = (masks[:, :, left] * before + masks[:, :, right] * after) >> 4  # (N, H, w)
    first, second = (rows[:, top] * upper[:, None]) >> 16, (rows[:, bottom] * lower[:, None]) >> 16
    return ((first + second + 2) >> 2).to(torch.uint8)


def _opencv_taps(length: int, wanted: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Both pixels that each of ``wanted`` output pixels reads of ``length``, and their weights in 1/2048, (w,) each."""
    scale = 1 / (wanted / length)  # as OpenCV computes it
    places = ((torch.arange(wanted, dtype=torch.float64, device=device) + 0.5) * scale - 0.5).float()
    first = places.floor()
    share = torch.where((first < 0) | (first >= length - 1), 0.0, places - first)
    first = first.long().clamp(0, length - 1)
    return (first, (first + 1).clamp(max=length - 1), ((1 - share) * 2048).round().int(), (share * 2048).round().int())
