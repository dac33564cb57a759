"""From one click on each object to masks: the watershed of the image's gradient, with no network.

Shapes: images (H, W, 3) BGR; points (N, 2) as x, y in px, x to the right; labels (H, W), k for the k-th point from 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mmseg_plugins.models.classical.foreground import otsu
from mmseg_plugins.models.classical.gray import channel_of, smooth
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.optional import scikit_image


def watershed_from_clicks(image: np.ndarray, points: Sequence[Sequence[float]], *, channel: str = 'gray',
                          sigma: float = 0.5, radius: int = 1, band: int = 6) -> np.ndarray:
    """Flood the Sobel gradient from the clicks and from the background.

    The background's marker is the side of Otsu's threshold where fewer clicks lie, without a ``band`` along it: there
    the gradient decides.

    Args:
        points: Each inside the image; half-open pixels: 5.0 <= x < 6 is column 5.
        radius: Of the square around a click that is certainly its object, px.
        band: Width of the undecided rim outside Otsu's objects, px.

    Returns:
        Labels (H, W) int32; a click whose square other clicks cover has no pixel.

    Raises:
        UserError: a point outside the image.
    """
    height, width = image.shape[:2]
    markers = np.zeros((height, width), np.int32)
    pixels = [(int(np.floor(x)), int(np.floor(y))) for x, y in points]
    for number, (x, y) in enumerate(pixels, 1):
        if not (0 <= x < width and 0 <= y < height):
            raise UserError(f'click {number} at x={x}, y={y} lies outside the image of {width} x {height} px.',
                            rule='x to the right and y down, in px of the image.', fix='correct the point.')
        markers[max(y - radius, 0):y + radius + 1, max(x - radius, 0):x + radius + 1] = number
    for number, (x, y) in enumerate(pixels, 1):
        markers[y, x] = number  # neighbors' squares do not cover a click itself
    if not pixels:
        return markers
    bright = otsu(image, channel=channel, sigma=sigma, polarity='bright')
    on_bright = sum(bool(bright[y, x]) for x, y in pixels)
    objects = bright if 2 * on_bright >= len(pixels) else ~bright
    kernel = np.ones((2 * band + 1, 2 * band + 1), np.uint8)
    near = cv2.dilate(objects.astype(np.uint8), kernel) > 0
    background = ~near & (markers == 0)
    markers[background] = len(pixels) + 1
    gradient = scikit_image('filters').sobel(smooth(channel_of(image, channel), sigma))
    labels = scikit_image('segmentation').watershed(gradient, markers)
    return np.where(labels > len(pixels), 0, labels).astype(np.int32)


def deepest_point(mask: np.ndarray) -> tuple[int, int]:
    """The pixel x, y of a mask (H, W) bool that is farthest from its border: where somebody would click."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(column), int(row)
