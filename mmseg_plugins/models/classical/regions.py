"""Methods that give objects rather than foreground: region growing, random walker, normalized cuts.

Functions take an image (H, W, 3), BGR, and give labels (H, W) int32, 0 for background.
"""

from __future__ import annotations

import logging
from typing import Any

import cv2
import numpy as np
from mmengine.logging import print_log
from scipy import ndimage
from scipy.sparse.linalg import ArpackError

from mmseg_plugins.models.classical.foreground import clean, otsu
from mmseg_plugins.models.classical.gray import channel_of, in_256_steps, smooth
from mmseg_plugins.models.classical.objects import centers_by_distance, connected_parts
from mmseg_plugins.utils.optional import scikit_image

#: Most superpixels of an image: normalized cuts solve for eigenvectors of a matrix with so many rows.
MOST_SUPERPIXELS = 300
#: First guesses of the eigenvectors of normalized cuts.
GUESSES = 3


def region_growing(image: np.ndarray, *, channel: str = 'gray', sigma: float = 1.0, polarity: str = 'auto',
                   min_distance: int = 5, tolerance: int = 25) -> np.ndarray:
    """Objects grown from seeds: all connected pixels within ``tolerance`` steps (of 256) of the seed's value.

    Seeds are the extremes of the blurred channel within Otsu's foreground, none nearer to a stronger one than
    ``min_distance`` px; the strongest grows first, and later ones stop at it (OpenCV's ``floodFill``).
    """
    bright = otsu(image, channel=channel, sigma=sigma, polarity='bright')
    objects = otsu(image, channel=channel, sigma=sigma, polarity=polarity)
    steps = in_256_steps(smooth(channel_of(image, channel), sigma))
    if not np.array_equal(bright, objects):
        steps = 255 - steps
    strength = smooth(steps.astype(np.float32), 2.0)
    peaks = (strength == ndimage.maximum_filter(strength, size=2 * min_distance + 1)) & objects
    seeds = np.argwhere(peaks)
    seeds = seeds[np.argsort(-strength[peaks], kind='stable')]
    labels = np.zeros(steps.shape, np.int32)
    taken = np.zeros((steps.shape[0] + 2, steps.shape[1] + 2), np.uint8)  # floodFill's mask has a rim of one pixel
    inside = taken[1:-1, 1:-1]
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (2 << 8)
    count = 0
    for row, column in seeds.tolist():
        if inside[row, column]:
            continue
        *_, (x, y, width, height) = cv2.floodFill(steps, taken, (column, row), 0, tolerance, tolerance, flags)
        place = slice(y, y + height), slice(x, x + width)
        grown = inside[place] == 2
        count += 1
        labels[place][grown] = count
        inside[place][grown] = 1
    return labels


def random_walker(image: np.ndarray, *, channel: str = 'gray', sigma: float = 1.0, polarity: str = 'auto',
                  min_area: int = 20, min_distance: int = 5, distance_sigma: float = 2.0,
                  beta: float = 130.0) -> np.ndarray:
    """Otsu's foreground; blobs with several centers are divided by random walks from these (scikit-image).

    Paper: L. Grady, "Random walks for image segmentation", TPAMI 2006.  The walk stays inside a blob and crosses edges
    of the image rarely (``beta``).  Centers are those of the watershed of the distance map.
    """
    mask = clean(otsu(image, channel=channel, sigma=sigma, polarity=polarity), min_area)
    centers = centers_by_distance(mask, min_distance=min_distance, sigma=distance_sigma)[0]
    values = in_256_steps(smooth(channel_of(image, channel), sigma)) / 255
    parts = connected_parts(mask)
    labels = np.zeros(mask.shape, np.int32)
    count = 0
    for part, place in enumerate(ndimage.find_objects(parts), 1):
        own = parts[place] == part
        names = np.unique(centers[place][own & (centers[place] > 0)])
        found = own.astype(np.int32)
        if len(names) > 1:
            seeds = np.where(own, np.searchsorted(names, centers[place]) + 1, -1)
            seeds[own & (centers[place] == 0)] = 0
            found = scikit_image('segmentation').random_walker(values[place], seeds, beta=beta, mode='cg_j')
        labels[place][own] = found[own] + count
        count += max(len(names), 1)
    return labels


def normalized_cuts(image: np.ndarray, *, superpixel: int = 100, compactness: float = 10.0, color_sigma: float = 30.0,
                    cut_below: float = 0.001, seed: int = 0) -> np.ndarray:
    """Superpixels (SLIC), the graph of those that touch, and normalized cuts of it (scikit-image).

    Papers: J. Shi, J. Malik, "Normalized cuts and image segmentation", TPAMI 2000; R. Achanta et al., "SLIC
    superpixels", TPAMI 2012.  The largest region is the background; the others' connected parts are objects.

    Args:
        superpixel: Area of a superpixel, px; at most :data:`MOST_SUPERPIXELS` of them.
        compactness: Of SLIC: how square superpixels are.
        color_sigma: Colors so far apart (0..255) are hardly similar.
        cut_below: Regions are divided while the cut's value is below this.
        seed: Of the eigenvectors' first guess; where they do not converge, the next ones are tried, then an image stays
            uncut, with a warning.
    """
    color = cv2.cvtColor(image.astype(np.uint8), cv2.COLOR_BGR2RGB) if image.shape[2] == 3 else np.repeat(image, 3, 2)
    count = int(np.clip(image.shape[0] * image.shape[1] / superpixel, 2, MOST_SUPERPIXELS))
    graph = scikit_image('graph')
    pieces = scikit_image('segmentation').slic(color, n_segments=count, compactness=compactness, start_label=0)
    similar = graph.rag_mean_color(color, pieces, mode='similarity', sigma=color_sigma)
    regions = _cut(pieces, similar, cut_below, seed)
    background = np.bincount(regions.ravel()).argmax()
    return scikit_image('measure').label(regions, background=background, connectivity=1).astype(np.int32)


def _cut(pieces: np.ndarray, similar: Any, below: float, seed: int) -> np.ndarray:
    """Normalized cuts of a graph of superpixels; eigenvectors iterated from a random guess may not converge."""
    for guess in range(seed, seed + GUESSES):
        try:
            return np.asarray(scikit_image('graph').cut_normalized(
                pieces, similar, thresh=below, in_place=False, rng=guess))
        except ArpackError as error:
            reason = str(error)
    print_log(f'normalized_cuts: an image stays uncut, since no eigenvectors were found from {GUESSES} guesses '
              f'({reason}).', logger='current', level=logging.WARNING)
    return np.zeros_like(pieces)
