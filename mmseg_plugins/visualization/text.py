"""Text on pictures: matplotlib's DejaVu font drawn by Pillow, so that names need not be ASCII."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmseg_plugins.visualization.colors import Color, text_color


class Label(NamedTuple):
    """A text chip: its words, top-left corner in px, and background (RGB)."""

    text: str
    x: int
    y: int
    background: Color


PADDING = 2  # px between the words and the edge of their chip


@lru_cache(maxsize=32)
def load_font(size: int, bold: bool = False) -> Any:
    """DejaVu Sans as matplotlib ships it; ``size`` in px."""
    import matplotlib
    from PIL import ImageFont

    name = 'DejaVuSans-Bold.ttf' if bold else 'DejaVuSans.ttf'
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / name), size)


def text_size(text: str, size: int, bold: bool = False) -> tuple[int, int]:
    """Width and height in px of a chip with this text (height is the same for all texts)."""
    font = load_font(size, bold)
    ascent, descent = font.getmetrics()
    return int(np.ceil(font.getlength(text))) + 2 * PADDING, ascent + descent + PADDING


def shorten(text: str, width: int, size: int, bold: bool = False) -> str:
    """The text, or its longest beginning with an ellipsis that fits ``width`` px; the end of a path is kept."""
    if text_size(text, size, bold)[0] <= width:
        return text
    for length in range(len(text) - 1, 0, -1):
        short = text[:length].rstrip() + '…'
        if text_size(short, size, bold)[0] <= width:
            return short
    return ''


def put_labels(image: np.ndarray, labels: list[Label], size: int) -> np.ndarray:
    """A copy of a BGR image with chips drawn on it."""
    from PIL import Image, ImageDraw

    if not labels:
        return image.copy()
    canvas = Image.fromarray(np.ascontiguousarray(image[:, :, ::-1]))
    pen = ImageDraw.Draw(canvas)
    for label in labels:
        width, height = text_size(label.text, size)
        pen.rectangle((label.x, label.y, label.x + width - 1, label.y + height - 1), fill=label.background)
        pen.text((label.x + PADDING, label.y + PADDING // 2), label.text, font=load_font(size),
                 fill=text_color(label.background))
    return np.ascontiguousarray(np.asarray(canvas)[:, :, ::-1])


def put_text(image: np.ndarray, text: str, x: int, y: int, size: int, color: Color, bold: bool = False) -> None:
    """Draw one line of text in place, top-left corner at (x, y)."""
    from PIL import Image, ImageDraw

    width, height = text_size(text, size, bold)
    x1, y1 = min(x + width, image.shape[1]), min(y + height + PADDING, image.shape[0])
    if x >= x1 or y >= y1:
        return
    patch = Image.fromarray(np.ascontiguousarray(image[y:y1, x:x1, ::-1]))
    ImageDraw.Draw(patch).text((PADDING, 0), text, font=load_font(size, bold), fill=color)
    image[y:y1, x:x1] = np.asarray(patch)[:, :, ::-1]
