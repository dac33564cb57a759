"""One image at up to four levels, next to each other: objects, classes, instances, panoptic segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mmseg_plugins.visualization.overlay import draw_instances
from mmseg_plugins.visualization.panoptic import Panoptic, draw_panoptic, join_truth, split_segments
from mmseg_plugins.visualization.samples import Instances, best_first, get_instances, get_label_map
from mmseg_plugins.visualization.semantic import IGNORE, complete_palette, draw_semantic
from mmseg_plugins.visualization.sheets import contact_sheet

OBJECT = (255, 200, 0)  # RGB of the object level


class Levels(NamedTuple):
    """What is known of an image of (H, W) px; None where a level is not.

    Attributes:
        objects: (H, W), 1 where an object is.
        labels: (H, W) classes, 255 where there is none.
        instances: The things.
        panoptic: Stuff and things.
    """

    objects: np.ndarray | None = None
    labels: np.ndarray | None = None
    instances: Instances | None = None
    panoptic: Panoptic | None = None


def predicted_levels(sample: Any, num_classes: int, score_thr: float = 0.3) -> Levels:
    """The levels of a prediction; objects of a panoptic map where the model has no map of them."""
    panoptic = labels = instances = objects = None
    if 'pred_panoptic_seg' in sample:
        ids = get_label_map(sample.pred_panoptic_seg)
        panoptic = split_segments(ids, num_classes)
        objects = np.any(panoptic.masks, axis=0)
    if 'pred_sem_seg' in sample:
        labels = get_label_map(sample.pred_sem_seg)
    if 'pred_instances' in sample:
        instances = best_first(get_instances(sample.pred_instances), score_thr)
    if 'pred_foreground' in sample:
        objects = get_label_map(sample.pred_foreground)
    return Levels(objects, labels, instances, panoptic)


def true_levels(sample: Any) -> Levels:
    """The levels of ``gt_instances`` with dense masks and ``gt_sem_seg``, in one frame; none where one is absent."""
    if 'gt_instances' not in sample or 'gt_sem_seg' not in sample or 'masks' not in sample.gt_instances:
        return Levels()
    instances, labels = get_instances(sample.gt_instances), get_label_map(sample.gt_sem_seg)
    masks = np.asarray(instances.masks).reshape(-1, *labels.shape)
    return Levels(np.any(masks, axis=0), labels, instances, join_truth(labels, masks, instances.labels))


def levels_sheet(image: np.ndarray, levels: Levels, meta: Mapping[str, Any], *, cell: int = 256,
                 heading: str | None = None) -> np.ndarray:
    """The image (H, W, 3) uint8 BGR and each known level in one row.

    Args:
        meta: ``classes`` and ``palette``.
        cell: Width of a picture in px.

    Returns:
        uint8 BGR page, see :func:`~mmseg_plugins.visualization.sheets.contact_sheet`.
    """
    names = [str(name) for name in meta.get('classes') or ()]
    palette = meta.get('palette')
    colors = complete_palette(None if isinstance(palette, str) else palette, len(names))
    cells: list[tuple[str, np.ndarray]] = [('image', draw_instances(image)), *_drawn(image, levels, names, colors)]
    return contact_sheet(cells, len(cells), cell, heading)


def _drawn(image: np.ndarray, levels: Levels, names: Sequence[str], colors: Sequence[Sequence[int]]
           ) -> list[tuple[str, np.ndarray]]:
    cells = []
    if levels.objects is not None:
        cells.append(('objects', draw_semantic(image, np.where(levels.objects > 0, 0, IGNORE), [OBJECT])))
    if levels.labels is not None:
        cells.append(('classes', draw_semantic(image, levels.labels, colors)))
    if levels.instances is not None:
        found = levels.instances
        drawn = draw_instances(image, found.masks, None if found.masks is not None else found.boxes, found.labels, None,
                               names)
        cells.append((f'instances: {len(found.labels)}', drawn))
    if levels.panoptic is not None:
        cells.append((f'panoptic: {len(levels.panoptic.labels)} things', draw_panoptic(image, levels.panoptic, names,
                                                                                       colors)))
    return cells
