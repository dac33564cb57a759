"""Label maps drawn over their image, and the legend that names the colours."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mmseg_plugins.structures.images import as_bgr
from mmseg_plugins.visualization.colors import Color, distinct_colors
from mmseg_plugins.visualization.overlay import legible_scale
from mmseg_plugins.visualization.text import PADDING, put_text, text_size

IGNORE = 255


def complete_palette(palette: Sequence[Sequence[int]] | None, number: int) -> list[Color]:
    """``number`` RGB colours: the given ones, then distinct ones for what is missing."""
    given = [(int(red), int(green), int(blue)) for red, green, blue in palette or ()]
    return (given + distinct_colors(number)[len(given):])[:number] if len(given) < number else given[:number]


def draw_semantic(
    image_bgr: np.ndarray,
    label_map: np.ndarray,
    palette: Sequence[Sequence[int]] | None = None,
    *,
    ignore_index: int = IGNORE,
    alpha: float = 0.55,
    long_side: int = 512,
    edges: bool = True,
) -> np.ndarray:
    """Color a picture by its label map; ignored pixels keep the picture, darkened.

    Args:
        image_bgr: (H, W, 3) uint8, BGR.
        label_map: (H, W) integers, class indices and ``ignore_index``.
        palette: RGB per class; missing ones are filled with distinct colors.
        edges: Draw a dark line where labels change.

    Returns:
        (s*H, s*W, 3) uint8 BGR with s = ``legible_scale(H, W, long_side)``.

    Raises:
        ValueError: the map and the picture differ in size.
    """
    image = as_bgr(image_bgr)
    if label_map.shape != image.shape[:2]:
        raise ValueError(f'label map is {label_map.shape}, the image {image.shape[:2]} (height, width); must be equal')
    height, width = label_map.shape
    scale = legible_scale(height, width, long_side)
    labels = label_map.astype(np.int64)
    if scale > 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        labels = labels.repeat(scale, axis=0).repeat(scale, axis=1)
    known = (labels != ignore_index) & (labels >= 0)
    number = int(labels[known].max(initial=-1)) + 1
    table = np.zeros((number + 1, 3), np.float32)  # the last row, black, is for ignored pixels
    table[:number] = np.array(complete_palette(palette, number), np.float32).reshape(-1, 3)[:, ::-1]
    blended = image * (1 - alpha) + table[np.where(known, labels, number)] * alpha
    canvas = np.round(blended).astype(np.uint8)
    if edges:
        canvas[_edges(labels)] = (32, 32, 32)
    return canvas


def draw_legend(
    class_names: Sequence[str], palette: Sequence[Sequence[int]] | None, width: int, shown: Sequence[int] | None = None
) -> np.ndarray:
    """A strip (h, width, 3) with a colour square and the name of each class in ``shown`` (default all)."""
    size = int(np.clip(width / 60, 11, 18))
    colors = complete_palette(palette, len(class_names))
    row_height = text_size('x', size)[1] + 2
    places: list[tuple[int, int, int]] = []
    x = y = PADDING
    for index in range(len(class_names)) if shown is None else shown:
        entry = row_height + text_size(class_names[index], size)[0] + 8
        if x + entry > width and x > PADDING:
            x, y = PADDING, y + row_height
        places.append((index, x, y))
        x += entry
    strip = np.full((y + row_height + PADDING, width, 3), 255, np.uint8)
    for index, x, y in places:
        cv2.rectangle(strip, (x + 2, y + 2), (x + row_height - 5, y + row_height - 5), colors[index][::-1], -1)
        put_text(strip, class_names[index], x + row_height, y, size, (0, 0, 0))
    return strip


def _edges(labels: np.ndarray) -> np.ndarray:
    """Pixels whose right or lower neighbour has another label."""
    edges = np.zeros(labels.shape, bool)
    edges[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edges[:-1] |= labels[:-1] != labels[1:]
    return edges
