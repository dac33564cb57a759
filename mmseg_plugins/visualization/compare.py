"""The same images through several systems: ground truth next to each system's prediction on one sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mmseg_plugins.structures.masks import mask_box
from mmseg_plugins.structures.rle import iter_masks
from mmseg_plugins.visualization.colors import instance_colors
from mmseg_plugins.visualization.grid import Cell, picture_grid
from mmseg_plugins.visualization.overlay import draw_instances
from mmseg_plugins.visualization.samples import Instances, instance_overlaps
from mmseg_plugins.visualization.semantic import IGNORE, complete_palette, draw_legend, draw_semantic

PLAIN = 24  # gray value of the background of an image that is not shown
MATCH = 0.5  # IoU from which an instance counts as found
WRONG = (235, 235, 235)  # RGB of a prediction that matches no true instance


class Column(NamedTuple):
    """The ground truth, or one system: its title and the instances of each of N images."""

    title: str
    instances: Sequence[Instances]


def matched_colors(truth: Instances, found: Instances | None) -> np.ndarray:
    """RGB colors (N, 3) of the true instances or, where ``found`` is given, of the found ones.

    An instance that was found takes the color of the true one with the highest mask IoU, if that is at least
    ``MATCH``; ``WRONG`` is the color of the others.
    """
    boxes = truth.boxes if truth.masks is None else [mask_box(mask) or (0, 0, 0, 0) for mask in iter_masks(truth.masks)]
    colors = instance_colors(np.array(boxes, np.float32).reshape(-1, 4))
    if found is None:
        return colors
    given = np.full((len(found.labels), 3), WRONG, np.uint8)
    if not len(colors) or not len(given):
        return given
    ious = instance_overlaps(found, truth)
    best = ious.argmax(axis=1)
    hit = ious.max(axis=1) >= MATCH
    given[hit] = colors[best[hit]]
    return given


def draw_cell(
    image: np.ndarray, instances: Instances, names: Sequence[str], plain: bool, colors: np.ndarray | None = None
) -> np.ndarray:
    """Instances over their image or, with ``plain``, on a dark ground of its size in place of the image.

    ``image`` (H, W, 3) uint8 BGR; ``colors`` (N, 3) RGB.  Ground truth (without scores) and predictions look alike.
    """
    ground = np.full_like(image, PLAIN) if plain else image
    boxes = None if instances.masks is not None else instances.boxes
    return draw_instances(
        ground, instances.masks, boxes, instances.labels, None, names, alpha=0.75 if plain else 0.45, show_text=False,
        colors=colors)


def comparison_sheet(
    images: Mapping[str, np.ndarray],
    columns: Sequence[Column],
    names: Sequence[str],
    *,
    plain: bool = False,
    systems_as_rows: bool = False,
    cell: int = 256,
) -> np.ndarray:
    """One page with a row per image and a column per system, the ground truth first, or the other way round.

    What a system finds has the color of the true instance that it matches, or is white.

    Args:
        images: Name -> (H, W, 3) uint8 BGR, N of them.
        columns: Ground truth and systems, each with N entries in the same order.
        names: Class names.
        plain: Draw instances alone.
        systems_as_rows: A row a system and a column an image.
        cell: Width of a picture in px.

    Returns:
        uint8 BGR page, see :func:`~mmseg_plugins.visualization.grid.picture_grid`; the number of objects is above
        each picture.

    Raises:
        ValueError: a column has another number of entries than there are images.
    """
    wrong = {column.title: len(column.instances) for column in columns if len(column.instances) != len(images)}
    if wrong:
        raise ValueError(f'{len(images)} images, but {wrong}; every column needs one entry an image')
    drawn = []
    for row, image in enumerate(images.values()):
        for place, column in enumerate(columns):
            found = column.instances[row]
            colors = matched_colors(columns[0].instances[row], found if place else None)
            number = len(found.labels)
            caption = f'{number} found' if place else f'{number} objects'
            drawn.append(Cell(caption, draw_cell(image, found, names, plain, colors)))
    return _page(drawn, list(images), [column.title for column in columns], systems_as_rows, cell)


def _page(drawn: Sequence[Cell], images: Sequence[str], systems: Sequence[str], as_rows: bool, cell: int) -> np.ndarray:
    """The page of cells that are given image by image."""
    table = [drawn[start:start + len(systems)] for start in range(0, len(drawn), len(systems))]
    if as_rows:
        turned = [list(cells) for cells in zip(*table, strict=True)]
        return picture_grid(list(zip(systems, turned, strict=True)), images, cell)
    return picture_grid(list(zip(images, table, strict=True)), systems, cell)


class LabelColumn(NamedTuple):
    """The ground truth, or one system: its title and the label map (H, W) of each of N images."""

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
) -> np.ndarray:
    """One page with a row per image and a column per system, ground truth first, or the other way; a legend below.

    Args:
        images: Name -> (H, W, 3) uint8 BGR, N of them.
        columns: Ground truth and systems, each with N maps in the same order.
        names: Class names.
        palette: RGB of each class; missing ones are filled with distinct colors.
        plain: Draw labels alone, pixels without a label dark, so that the image itself is not shown.
        systems_as_rows: A row a system and a column an image.
        cell: Width of a picture in px.

    Returns:
        uint8 BGR page.  The share of labeled pixels that are right is above each picture of a system.

    Raises:
        ValueError: a column has another number of maps than there are images.
    """
    wrong = {column.title: len(column.maps) for column in columns if len(column.maps) != len(images)}
    if wrong:
        raise ValueError(f'{len(images)} images, but {wrong}; every column needs one map an image')
    colors = complete_palette(None if isinstance(palette, str) else palette, len(names))
    drawn = []
    for row, image in enumerate(images.values()):
        truth = columns[0].maps[row]
        for place, column in enumerate(columns):
            labels = column.maps[row]
            ground = np.full_like(image, PLAIN) if plain else image
            caption = f'{100 * right_share(truth, labels):.0f} % right' if place else ''
            alpha = 1.0 if plain else 0.55
            drawn.append(Cell(caption, draw_semantic(ground, labels, colors, alpha=alpha, edges=not plain)))
    page = _page(drawn, list(images), [column.title for column in columns], systems_as_rows, cell)
    return np.concatenate([page, draw_legend(names, colors, page.shape[1])])
