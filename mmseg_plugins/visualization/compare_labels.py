"""The same images through several systems: true label maps beside each system's on one sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mmseg_plugins.visualization.compare import PLAIN
from mmseg_plugins.visualization.semantic import IGNORE, complete_palette, draw_legend, draw_semantic
from mmseg_plugins.visualization.sheets import contact_sheet


class LabelColumn(NamedTuple):
    """The truth, or one system: its title and the label map (H, W) of each of N images."""

    title: str
    maps: Sequence[np.ndarray]


def right_share(truth: np.ndarray, found: np.ndarray) -> float:
    """Share of the labelled pixels (not 255) of ``truth`` (H, W) where ``found`` agrees; NaN where none is labelled."""
    known = truth != IGNORE
    return float((truth == found)[known].mean()) if known.any() else float('nan')


def label_sheet(
    images: Mapping[str, np.ndarray],
    columns: Sequence[LabelColumn],
    names: Sequence[str],
    palette: Sequence[Sequence[int]] | None = None,
    *,
    plain: bool = False,
    systems_as_rows: bool = False,
    cell: int = 256,
    heading: str | None = None,
) -> np.ndarray:
    """One page with a row an image and a column a system, the truth first, or the other way round; a legend below.

    Args:
        images: Name -> (H, W, 3) uint8 BGR, N of them.
        columns: Truth and systems, each with N maps in the same order.
        names: Class names.
        palette: RGB of each class; missing ones are filled with distinct colours.
        plain: Draw labels alone, pixels without a label dark, so that no photograph is shown.
        systems_as_rows: A row a system and a column an image.
        cell: Width of a picture in px.

    Returns:
        uint8 BGR page.  Titles of systems give the share of labelled pixels that are right.

    Raises:
        ValueError: a column has another number of maps than there are images.
    """
    wrong = {column.title: len(column.maps) for column in columns if len(column.maps) != len(images)}
    if wrong:
        raise ValueError(f'{len(images)} images, but {wrong}; every column needs one map an image')
    colors = complete_palette(None if isinstance(palette, str) else palette, len(names))
    drawn = {}
    for row, (name, image) in enumerate(images.items()):
        truth = columns[0].maps[row]
        for place, column in enumerate(columns):
            labels = column.maps[row]
            ground = np.full_like(image, PLAIN) if plain else image
            title = f'{column.title}: {100 * right_share(truth, labels):.0f}%' if place else f'{column.title}  {name}'
            alpha = 1.0 if plain else 0.55
            drawn[row, place] = title, draw_semantic(ground, labels, colors, alpha=alpha, edges=not plain)
    rows, width = len(images), len(columns)
    order = [(r, c) for c in range(width) for r in range(rows)] if systems_as_rows else list(drawn)
    page = contact_sheet([drawn[place] for place in order], rows if systems_as_rows else width, cell, heading)
    return np.concatenate([page, draw_legend(names, colors, page.shape[1])])
