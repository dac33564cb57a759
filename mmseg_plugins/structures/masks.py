"""Masks: their tight boxes, and their outlines on the pixel grid."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor


def mask_box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Half-open pixel box (x1, y1, x2, y2) around the true pixels of (H, W); None when there are none.

    A mask whose only pixel is row 3, column 5 gives (5, 3, 6, 4).
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask[rows[0]:rows[-1] + 1].any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def coco_box(mask: np.ndarray) -> list[int]:
    """COCO's box [x, y, width, height] in whole pixels of (H, W); zeros for an empty mask."""
    x1, y1, x2, y2 = mask_box(mask) or (0, 0, 0, 0)
    return [x1, y1, x2 - x1, y2 - y1]


def mask_boxes(masks: Tensor) -> Tensor:
    """:func:`mask_box` of many: (N, H, W) -> (N, 4) float; zeros for an empty mask."""
    sides = []
    for flat in (masks.any(dim=1), masks.any(dim=2)):  # columns -> x, rows -> y
        positions = torch.arange(flat.size(1), device=flat.device)
        first = torch.where(flat, positions, flat.size(1)).amin(dim=1)
        last = torch.where(flat, positions, -1).amax(dim=1) + 1
        sides.append((first, last))
    boxes = torch.stack([sides[0][0], sides[1][0], sides[0][1], sides[1][1]], dim=1).float()
    return boxes * masks.flatten(1).any(dim=1)[:, None]


def mask_polygons(mask: np.ndarray) -> list[list[float]]:
    """Outlines of a (H, W) mask as COCO polygons ``[x1, y1, x2, y2, ...]`` in px.

    Outlines run along pixel edges, so that they hold exactly the pixels of the
    mask: the one pixel (column 5, row 3) gives (5, 3) (6, 3) (6, 4) (5, 4).  One
    polygon for each part connected by pixel sides.  COCO polygons know no holes:
    a hole is joined to its outline by a seam, an upright line that is walked
    down and up again and holds no area, so pycocotools gives the mask back exactly.
    """
    box = mask_box(mask)
    if box is None:
        return []
    x0, y0, x1, y1 = box
    polygons = []
    for points in _joined_loops(np.pad(mask[y0:y1, x0:x1].astype(bool), 1)):
        points = points[(points != np.roll(points, 1, axis=0)).any(axis=1)]
        steps = points - np.roll(points, 1, axis=0)
        corners = points[(steps != np.roll(steps, -1, axis=0)).any(axis=1)]
        shifted = corners + np.array([x0 - 1, y0 - 1])
        polygons.append(shifted.astype(float).reshape(-1).tolist())
    return sorted(polygons)


def _joined_loops(mask: np.ndarray) -> list[np.ndarray]:
    """A closed walk (P, 2) for each part of a zero-padded mask, its holes joined to it by seams.

    A hole's seam goes up from its topmost point to the first point of a walk that is joined already: the outline of
    the part, or a hole that begins higher, which comes first.
    """
    parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[1]
    loops = []
    for loop in _edge_loops(mask):
        points = np.array(loop, np.int64)
        x, y = points[:, 0], points[:, 1]
        hole = (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() < 0  # counter-clockwise
        top = int(np.lexsort((x, y))[0])
        points = np.roll(points, -top, axis=0)
        # Right of the first step lies the mask; it runs right along an outline's top, down along a hole's left side.
        inside = points[0] + (np.array([-1, 0]) if hole else np.array([0, 0]))
        loops.append((bool(hole), int(points[0, 1]), int(parts[inside[1], inside[0]]), points.tolist()))
    walk: list[list[int]] = []  # points of all walks
    after: list[int] = []  # the index of the next point of each
    place: dict[tuple[int, int, int], int] = {}  # part, x, y -> an index
    starts = []
    for hole, _, part, loop in sorted(loops, key=lambda entry: entry[:2]):
        base = len(walk)
        walk += loop
        after += [*range(base + 1, base + len(loop)), base]
        if hole:
            _join(walk, after, place, part, base)
        else:
            starts.append(base)
        for index, (x, y) in enumerate(loop, base):
            place.setdefault((part, x, y), index)
    return [_follow(walk, after, start) for start in starts]


def _join(walk: list[list[int]], after: list[int], place: dict[tuple[int, int, int], int], part: int,
          base: int) -> None:
    """Splice the walk of a hole, which begins at index ``base``, into the walk above it; changes the lists."""
    last = len(walk) - 1
    x, top = walk[base]
    y = top
    while (part, x, y) not in place:
        y -= 1
    above = place[part, x, y]
    # down the seam, once around the hole, its first point again, up the seam
    walk += [[x, top], [x, y]]
    after += [last + 2, after[above]]
    after[last] = last + 1
    after[above] = base


def _follow(walk: list[list[int]], after: list[int], start: int) -> np.ndarray:
    points = [walk[start]]
    index = after[start]
    while index != start:
        points.append(walk[index])
        index = after[index]
    return np.array(points, np.int64)


def _edge_loops(mask: np.ndarray) -> list[list[tuple[int, int]]]:
    """Closed walks along the pixel edges of a zero-padded mask, inside on the right hand, as (x, y) corners."""
    up, left = mask & ~np.roll(mask, 1, 0), mask & ~np.roll(mask, 1, 1)
    down, right = mask & ~np.roll(mask, -1, 0), mask & ~np.roll(mask, -1, 1)
    follow: dict[tuple[int, int], list[tuple[int, int]]] = {}
    # border pixels, start corner and end corner of their edge relative to the pixel's upper left corner
    sides = ((up, (0, 0), (1, 0)), (right, (1, 0), (1, 1)), (down, (1, 1), (0, 1)), (left, (0, 1), (0, 0)))
    for border, start, end in sides:
        for y, x in np.argwhere(border).tolist():
            follow.setdefault((x + start[0], y + start[1]), []).append((x + end[0], y + end[1]))
    loops = []
    while follow:
        first = point = next(iter(follow))
        loop: list[tuple[int, int]] = []
        before: tuple[int, int] | None = None
        while point != first or not loop:
            loop.append(point)
            ends = follow[point]
            choice = 0
            if len(ends) == 2 and before is not None:  # two pixels touch by a corner: turn right, stay on the same one
                turn = before[1] - point[1], point[0] - before[0]
                choice = ends.index((point[0] + turn[0], point[1] + turn[1]))
            before, point = point, ends.pop(choice)
            if not ends:
                del follow[before]
        loops.append(loop)
    return loops
