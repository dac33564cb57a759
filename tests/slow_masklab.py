"""MaskLab's cropping and direction pooling written point by point in float64: the oracle of the vectorised version."""

import math

import numpy as np


def bilinear(plane, y, x, outside='zero'):
    """Value of one map at (y, x) cells."""
    height, width = plane.shape
    if outside == 'zero' and not (0 <= y <= height - 1 and 0 <= x <= width - 1):
        return 0.0
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    y0, x0 = math.floor(y), math.floor(x)
    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    fy, fx = y - y0, x - x0
    upper = plane[y0, x0] * (1 - fx) + plane[y0, x1] * fx
    lower = plane[y1, x0] * (1 - fx) + plane[y1, x1] * fx
    return upper * (1 - fy) + lower * fy


def point(low, high, i, n):
    return (low + high) / 2 if n == 1 else low + i * (high - low) / (n - 1)


def channel(box, i, j, size, directions, distances):
    """Channel of the grid point in row i and column j."""
    (x1, y1, x2, y2), (rows, columns) = box, size
    step_y = (y2 - y1) / (rows - 1) if rows > 1 else 0.0
    step_x = (x2 - x1) / (columns - 1) if columns > 1 else 0.0
    to_y, to_x = ((rows - 1) / 2 - i) * step_y, ((columns - 1) / 2 - j) * step_x
    angle = math.atan2(to_y, to_x) % (2 * math.pi)
    direction = min(directions - 1, int(angle / (2 * math.pi / directions)))
    unit_y = ((rows - 1) / 2 - i) / ((rows - 1) / 2) if rows > 1 else 0.0
    unit_x = ((columns - 1) / 2 - j) / ((columns - 1) / 2) if columns > 1 else 0.0
    distance = math.sqrt(unit_y**2 + unit_x**2) / math.sqrt(2)
    return direction * distances + min(distances - 1, int(distances * distance))


def crop(maps, rois, size, scale, pick, outside='zero'):
    """(N, 1, n_h, n_w): each point of each RoI from the channel that ``pick(n, i, j)`` names."""
    maps, rois = np.asarray(maps, np.float64), np.asarray(rois, np.float64)
    out = np.zeros((len(rois), 1, *size))
    for n, (batch, x1, y1, x2, y2) in enumerate(rois):
        for i in range(size[0]):
            for j in range(size[1]):
                y, x = point(y1, y2, i, size[0]) * scale, point(x1, x2, j, size[1]) * scale
                out[n, 0, i, j] = bilinear(maps[int(batch), pick(n, i, j)], y, x, outside)
    return out


def direction_pool(maps, rois, size, scale, directions=8, distances=4, outside='zero'):
    rois = np.asarray(rois, np.float64)
    return crop(maps, rois, size, scale, lambda n, i, j: channel(rois[n, 1:], i, j, size, directions, distances),
                outside)
