"""Text on pictures: matplotlib's DejaVu font drawn by Pillow, so that names need not be ASCII."""

from __future__ import annotations

import re
import warnings
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


#: Beginnings of the names of font files that cover many scripts, best first.
_WIDE_FONTS = ('notosanscjk', 'sourcehansans', 'wqy', 'droidsansfallback', 'unifont', 'arialunicode', 'msyh',
               'pingfang', 'malgun', 'nanumgothic', 'notosans')
_warned: set[str] = set()


@lru_cache(maxsize=64)
def load_font(size: int, bold: bool = False, text: str = '') -> Any:
    """A font of ``size`` px with the characters of ``text``: matplotlib's DejaVu Sans, else an installed one.

    Where no font has them all, a warning names them once, and DejaVu Sans draws boxes in their place.
    """
    import matplotlib
    from PIL import ImageFont

    name = 'DejaVuSans-Bold.ttf' if bold else 'DejaVuSans.ttf'
    path = str(Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / name)
    wanted = frozenset(text) - _characters(path)
    if wanted:
        path = _installed_font(frozenset(text)) or path
    return ImageFont.truetype(path, size)


@lru_cache(maxsize=256)
def _characters(path: str) -> frozenset[str]:
    """The characters of a font file; none where it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(map(chr, FT2Font(path).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()


@lru_cache(maxsize=256)
def _installed_font(text: frozenset[str]) -> str | None:
    """An installed font with all of the characters; None, and a warning, without one."""
    found = sorted((_rank(path), path) for path in _system_fonts())
    for _, path in found:
        if text <= _characters(path):
            return path
    known = frozenset[str]().union(*(_characters(path) for _, path in found))
    lost = ''.join(sorted(text - known)) or ''.join(sorted(text))
    if not set(lost) <= _warned:
        _warned.update(lost)
        warnings.warn(f'no installed font draws {lost[:20]!r}: pictures show boxes there. Fix: install a font of that '
                      'script, for Chinese, Japanese and Korean Noto Sans CJK (fonts-noto-cjk).', stacklevel=2)
    return None


def _system_fonts() -> list[str]:
    """Files of the installed fonts; those of emoji hold pictures of one size, which cannot be drawn at another."""
    from matplotlib.font_manager import findSystemFonts

    return [path for path in findSystemFonts() if 'emoji' not in Path(path).name.lower()]


def _rank(path: str) -> int:
    name = Path(path).name.lower().replace('-', '').replace(' ', '')
    return next((rank for rank, start in enumerate(_WIDE_FONTS) if name.startswith(start)), len(_WIDE_FONTS))


def text_size(text: str, size: int, bold: bool = False) -> tuple[int, int]:
    """Width and height in px of a chip with this text (height is the same for all texts)."""
    ascent, descent = load_font(size, bold).getmetrics()  # of every text the same, so that chips line up
    font = load_font(size, bold, text)
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


def wrap(text: str, width: int, size: int, lines: int, bold: bool = False) -> list[str]:
    """The text in at most ``lines`` lines of ``width`` px, broken after ``_ - / =`` and spaces, else anywhere.

    What the last line cannot hold is cut off with an ellipsis.
    """
    done: list[str] = []
    rest = text.strip()
    while rest and len(done) < lines - 1 and text_size(rest, size, bold)[0] > width:
        fitting = next((n for n in range(len(rest) - 1, 0, -1) if text_size(rest[:n], size, bold)[0] <= width), 1)
        breaks = [match.end() for match in re.finditer(r'[-_/=\s]', rest[:fitting])]
        end = breaks[-1] if breaks else fitting
        done.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*done, shorten(rest, width, size, bold)]


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
        pen.text((label.x + PADDING, label.y + PADDING // 2), label.text, font=load_font(size, text=label.text),
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
    ImageDraw.Draw(patch).text((PADDING, 0), text, font=load_font(size, bold, text), fill=color)
    image[y:y1, x:x1] = np.asarray(patch)[:, :, ::-1]
