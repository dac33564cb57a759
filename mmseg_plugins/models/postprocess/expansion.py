"""Progressive scale expansion: grow labels through nested kernels, breadth first, first come first served.

Paper: "Shape Robust Text Detection with Progressive Scale Expansion Network", https://arxiv.org/abs/1903.12473,
algorithm 1.  Original code (Apache 2.0):
https://github.com/whai362/PSENet/blob/5a42734dc56df42b7192494933ea8fcb3f486494/models/post_processing/pse/pse.pyx

``mmcv.ops.contour_expand`` is another rule: it grows through the largest kernel only.

Shapes: K kernels (0 = the largest), H x W pixels.
"""

from __future__ import annotations

import cv2
import numpy as np


def connected_components(mask: np.ndarray) -> np.ndarray:
    """4-connected components (H, W) int32 of a binary mask, numbered 1.. by their first pixel, row by row."""
    count, labels = cv2.connectedComponents(np.ascontiguousarray(mask, np.uint8), connectivity=4, ltype=cv2.CV_32S)
    flat = labels.reshape(-1).astype(np.int64)
    first = np.full(count, flat.size, np.int64)
    np.minimum.at(first, flat[flat > 0], np.flatnonzero(flat))
    order = np.zeros(count, np.int32)  # OpenCV's own order is not promised
    order[1 + np.argsort(first[1:], kind='stable')] = np.arange(1, count)
    return order[flat].reshape(labels.shape)


def progressive_expansion(kernels: np.ndarray, min_area: float = 0) -> np.ndarray:
    """Instances of the smallest kernel, grown through the larger ones up to kernel 0.

    The rule of the original, pixel for pixel: a queue holds the labeled pixels row by row; each pixel popped takes
    its neighbors up, down, left and right that lie in the next kernel and have no label, and appends them; a pixel
    that could take none goes to the queue of the following kernel, in the order of popping.  Here one generation of
    the queue is handled at a time: of all claims to a pixel the first in the queue's order holds.

    Args:
        kernels: (K, H, W), > 0 inside; kernels 1.. are usually subsets of kernel 0.
        min_area: Components of the smallest kernel with fewer pixels are dropped; others may then grow over them.

    Returns:
        (H, W) int32, 0 = none; the numbers are those of :func:`connected_components`, with gaps where one was dropped.
    """
    kernels = np.asarray(kernels) > 0
    count, height, width = kernels.shape
    labels = connected_components(kernels[-1])
    sizes = np.bincount(labels.reshape(-1))
    labels[(sizes < min_area)[labels]] = 0
    # A border of one pixel, so that all neighbors exist; nothing grows into it.
    padded = np.zeros((height + 2, width + 2), np.int32)
    padded[1:-1, 1:-1] = labels
    flat = padded.reshape(-1)
    steps = np.array([-(width + 2), width + 2, -1, 1])
    queue = np.flatnonzero(flat)
    for level in range(count - 2, -1, -1):
        allowed = np.zeros(padded.shape, bool)
        allowed[1:-1, 1:-1] = kernels[level]
        queue = _grow(flat, allowed.reshape(-1), queue, steps)
    return padded[1:-1, 1:-1].copy()


def _grow(labels: np.ndarray, allowed: np.ndarray, queue: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Grow through one kernel, in place; gives the pixels that took none, in the order of popping."""
    stuck = []
    claim = np.zeros(labels.shape, np.int64)
    while queue.size:
        targets = (queue[:, None] + steps).reshape(-1)  # (n, 4) -> (4 n,), in the order of the claims
        number = np.flatnonzero(allowed[targets] & (labels[targets] == 0))
        targets = targets[number]
        claim[targets[::-1]] = number[::-1]  # of several values for one place numpy keeps the last: the first claim
        won = number[claim[targets] == number]
        taken = np.zeros(queue.size, bool)
        taken[won // 4] = True
        stuck.append(queue[~taken])
        new = queue[won // 4] + steps[won % 4]
        labels[new] = labels[queue[won // 4]]
        queue = new
    return np.concatenate(stuck) if stuck else queue
