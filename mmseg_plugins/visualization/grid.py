"""A table of pictures whose rows and columns are named once, with whole names: systems against images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmseg_plugins.visualization.sheets import GAP, TITLE_SIZE, fit_picture
from mmseg_plugins.visualization.text import put_text, text_size, wrap

LINES = 4  # of a column's name


class Cell(NamedTuple):
    """A picture (H, W, 3) uint8 BGR of any size and a few words above it."""

    caption: str
    picture: np.ndarray


def picture_grid(
    rows: Sequence[tuple[str, Sequence[Cell]]], columns: Sequence[str], cell: int = 256
) -> np.ndarray:
    """One page: names of the columns at its top, then for each row its name, its captions and its pictures.

    A column's name is wrapped to at most ``LINES`` lines; a row's has the page's width.

    Args:
        rows: Name and C cells of each of R rows.
        columns: Names of the C columns.
        cell: Width of a picture on the page in px; a row is as high as its highest picture, at most 1.5 cells.

    Returns:
        uint8 BGR page of width ``C * cell + (C + 1) * GAP``.

    Raises:
        ValueError: no row, no column, or a row with another number of cells.
    """
    wrong = [name for name, cells in rows if len(cells) != len(columns)]
    if not rows or not columns or wrong:
        raise ValueError(f'{len(rows)} rows, {len(columns)} columns; rows with another number of cells: {wrong}')
    width = len(columns) * cell + (len(columns) + 1) * GAP
    starts = [GAP + place * (cell + GAP) for place in range(len(columns))]
    strips = [_text_strip(list(zip(starts, columns, strict=True)), cell, width)]
    for name, cells in rows:
        strips.append(_text_strip([(GAP, name)], width - 2 * GAP, width, bold=True))
        captions = [(start, entry.caption) for start, entry in zip(starts, cells, strict=True)]
        if any(caption for _, caption in captions):
            strips.append(_text_strip(captions, cell, width, above=0))
        strips.append(_pictures([entry.picture for entry in cells], starts, cell, width))
    strips.append(np.full((GAP, width, 3), 255, np.uint8))
    return np.concatenate(strips)


def _text_strip(
    texts: Sequence[tuple[int, str]], room: int, width: int, bold: bool = False, above: int = GAP
) -> np.ndarray:
    """Texts at their left edges (px), each wrapped to ``room`` px; ``above`` px are left free."""
    wrapped = [(start, wrap(text, room, TITLE_SIZE, LINES, bold)) for start, text in texts]
    height = text_size('x', TITLE_SIZE, bold)[1]
    strip = np.full((above + height * max(len(lines) for _, lines in wrapped), width, 3), 255, np.uint8)
    for start, lines in wrapped:
        for number, line in enumerate(lines):
            put_text(strip, line, start, above + number * height, TITLE_SIZE, (40, 40, 40), bold)
    return strip


def _pictures(pictures: Sequence[np.ndarray], starts: Sequence[int], cell: int, width: int) -> np.ndarray:
    fitted = [fit_picture(picture, cell, int(1.5 * cell)) for picture in pictures]
    strip = np.full((max(picture.shape[0] for picture in fitted), width, 3), 255, np.uint8)
    for start, picture in zip(starts, fitted, strict=True):
        strip[:picture.shape[0], start:start + picture.shape[1]] = picture
    return strip
