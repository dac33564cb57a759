"""SOLO's target rule of the original, object by object and cell by cell, as slow as it is plain."""

from __future__ import annotations

import cv2
import numpy as np


def slow_targets(masks, boxes, labels, *, size, num_grid, scale_range, pos_scale, num_classes, ratio):
    """One level of one image.

    Returns:
        Class of every cell, {cell: mask of the last object}, and every (cell, object, mask) in the order of drawing.
    """
    height, width = size
    classes = np.full((num_grid, num_grid), num_classes)
    drawn, pairs = {}, []
    for index, (mask, box, label) in enumerate(zip(masks, boxes.tolist(), labels.tolist(), strict=True)):
        sides = np.float32(box[2]) - np.float32(box[0]), np.float32(box[3]) - np.float32(box[1])
        if not scale_range[0] <= np.sqrt(sides[0] * sides[1]) <= scale_range[1] or mask.sum() == 0:
            continue
        ys, xs = np.nonzero(mask)
        cy, cx = float(ys.sum()) / len(ys), float(xs.sum()) / len(xs)
        reach_x, reach_y = 0.5 * float(sides[0]) * pos_scale, 0.5 * float(sides[1]) * pos_scale
        cell = 1.0 / num_grid
        row, column = int((cy / height) // cell), int((cx / width) // cell)
        top = max(0, int(((cy - reach_y) / height) // cell), row - 1)
        bottom = min(num_grid - 1, int(((cy + reach_y) / height) // cell), row + 1)
        left = max(0, int(((cx - reach_x) / width) // cell), column - 1)
        right = min(num_grid - 1, int(((cx + reach_x) / width) // cell), column + 1)
        small = cv2.resize(mask, (int(width / ratio + 0.5), int(height / ratio + 0.5)), interpolation=cv2.INTER_LINEAR)
        for i in range(top, bottom + 1):
            for j in range(left, right + 1):
                classes[i, j] = label
                drawn[i * num_grid + j] = small
                pairs.append((i * num_grid + j, index, small))
    return classes.reshape(-1), drawn, pairs
