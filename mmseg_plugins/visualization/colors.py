"""Colours that can be told apart, deterministically."""

from __future__ import annotations

import colorsys

import numpy as np

Color = tuple[int, int, int]


def distinct_colors(number: int) -> list[Color]:
    """``number`` RGB colors: hues by the golden ratio, saturation and value in turn.

    The sequence never depends on ``number``: color k is the same in every picture.
    """
    tones = ((0.85, 1.0), (0.55, 1.0), (1.0, 0.75))
    colors = []
    for index in range(number):
        saturation, value = tones[index % len(tones)]
        red, green, blue = colorsys.hsv_to_rgb((0.03 + index * 0.61803398875) % 1.0, saturation, value)
        colors.append((round(255 * red), round(255 * green), round(255 * blue)))
    return colors


def instance_colors(boxes: np.ndarray, margin: float = 4.0, palette_size: int = 18) -> np.ndarray:
    """RGB colors (N, 3) for N instances so that neighbors differ as much as possible.

    Instances are colored in the given order; each takes the palette entry
    farthest from those of the colored instances whose boxes (x1 y1 x2 y2 in
    px, grown by ``margin``) meet its own.
    """
    palette = np.array(distinct_colors(palette_size), np.float32)
    number = len(boxes)
    chosen = np.zeros((number, 3), np.float32)
    for index in range(number):
        order = (np.arange(palette_size) + index) % palette_size
        before = boxes[:index]
        box = boxes[index]
        near = (
            (before[:, 0] <= box[2] + margin)
            & (before[:, 2] >= box[0] - margin)
            & (before[:, 1] <= box[3] + margin)
            & (before[:, 3] >= box[1] - margin)
        )
        if not near.any():
            chosen[index] = palette[order[0]]
            continue
        # (palette, neighbors) distances; argmax takes the first of the turned order
        gaps = np.linalg.norm(palette[order][:, None] - chosen[:index][near][None], axis=2).min(axis=1)
        chosen[index] = palette[order[int(gaps.argmax())]]
    return chosen.astype(np.uint8)


def text_color(background: Color) -> Color:
    """Black or white, whichever reads better on an RGB background."""
    red, green, blue = background
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else (255, 255, 255)
