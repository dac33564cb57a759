"""Panoptic results drawn over their image: stuff as coloured areas, things as instances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmseg_plugins.structures.images import as_bgr
from mmseg_plugins.visualization.overlay import draw_instances
from mmseg_plugins.visualization.semantic import IGNORE, draw_semantic

INSTANCE_OFFSET = 1000  # mmdet writes class + 1000 * instance into every pixel; stuff has instance 0


class Panoptic(NamedTuple):
    """One image: ``stuff`` (H, W), classes, 255 where there is none; N things as ``masks`` (N, H, W) and ``labels``."""

    stuff: np.ndarray
    masks: np.ndarray
    labels: np.ndarray


def split_segments(ids: np.ndarray, num_classes: int) -> Panoptic:
    """mmdet's panoptic map (H, W) -> stuff and things; a class of ``num_classes`` or more is void."""
    classes = ids % INSTANCE_OFFSET
    stuff = np.where((ids < INSTANCE_OFFSET) & (classes < num_classes), classes, IGNORE)
    things = [value for value in np.unique(ids) if value >= INSTANCE_OFFSET and value % INSTANCE_OFFSET < num_classes]
    masks = np.array([ids == value for value in things], bool).reshape(len(things), *ids.shape)
    return Panoptic(stuff, masks, np.array(things, np.int64) % INSTANCE_OFFSET)


def join_truth(label_map: np.ndarray, masks: np.ndarray, labels: np.ndarray) -> Panoptic:
    """Label map (H, W) of all classes and the masks of the things -> stuff and things."""
    return Panoptic(np.where(masks.any(0), IGNORE, label_map), masks, labels)


def draw_panoptic(
    image_bgr: np.ndarray, panoptic: Panoptic, names: Sequence[str], palette: Sequence[Sequence[int]] | None = None
) -> np.ndarray:
    """Color the stuff, then draw the things over it; the size is that of :func:`draw_instances`.

    Args:
        image_bgr: (H, W, 3) uint8, BGR.
        panoptic: of that image.
        names: of all classes.
        palette: RGB per class, for the stuff; things have colors of their own.
    """
    image = as_bgr(image_bgr)
    canvas = draw_semantic(image, panoptic.stuff, palette, long_side=1)
    bare = panoptic.stuff == IGNORE
    canvas[bare] = image[bare]
    return draw_instances(canvas, panoptic.masks, None, panoptic.labels, None, names)
