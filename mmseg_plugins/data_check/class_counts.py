"""How often each class occurs in a data set of mmdet or mmseg."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmseg_plugins.config.walk import labeled_datasets
from mmseg_plugins.utils.errors import UserError


@dataclass
class ClassCounts:
    """Counts of C classes.

    ``counts`` and ``images`` (C,) are instances, segments, or pixels for label maps, and
    the images that hold the class, in ``read`` of ``total`` images.
    """

    names: list[str]
    counts: np.ndarray
    images: np.ndarray
    unit: str
    read: int
    total: int

    def title(self) -> str:
        """One line that says what was counted."""
        part = f'{self.total:,} images' if self.read == self.total else f'{self.read:,} of {self.total:,} images'
        classes = f'{len(self.names)} class' + ('es' if len(self.names) > 1 else '')
        return f'{int(self.counts.sum()):,} {self.unit} of {classes} in {part}'

    def csv(self) -> str:
        """``index,class,<unit>,images`` lines."""
        lines = [f'index,class,{self.unit},images']
        for index, name in enumerate(self.names):
            quoted = '"' + name.replace('"', '""') + '"' if set(name) & set(',"\n') else name
            lines.append(f'{index},{quoted},{int(self.counts[index])},{int(self.images[index])}')
        return '\n'.join(lines) + '\n'


def count_classes(dataset: Any, max_images: int = 20000, max_label_maps: int = 300) -> ClassCounts:
    """Count instances, panoptic segments (mmdet) or label pixels (mmseg) a class.

    Args:
        dataset: A built data set, wrapped or not.
        max_images: Instances are counted in at most so many images, evenly spaced.
        max_label_maps: The same for label maps, each of which must be read from disk.

    Raises:
        ValueError: the data set names no classes, or holds neither instances nor label maps.
    """
    names = list((getattr(dataset, 'metainfo', None) or {}).get('classes') or ())
    if not names:
        raise UserError(f'{type(dataset).__name__} names no classes in its metainfo; nothing to count')
    parts = list(labeled_datasets(dataset))
    for part in parts:
        if hasattr(part, 'full_init'):
            part.full_init()
    places = [(part, index) for part in parts for index in range(len(part))]
    if not places:
        raise UserError(f'{type(dataset).__name__} is empty; nothing to count')
    semantic = 'instances' not in places[0][0].get_data_info(0)
    limit = max_label_maps if semantic else max_images
    chosen = np.unique(np.linspace(0, len(places) - 1, min(limit, len(places))).round().astype(int))
    panoptic = 'segments_info' in places[0][0].get_data_info(0)
    counts = np.zeros(len(names), np.int64)
    images = np.zeros(len(names), np.int64)
    for place in chosen:
        part, index = places[place]
        if panoptic:
            labels = np.array([item['category'] for item in part.get_data_info(index)['segments_info']], np.int64)
        else:
            labels = (label_map(part, index).reshape(-1).astype(np.int64) if semantic else
                      _instances(part.get_data_info(index)['instances']))
        found = np.bincount(labels[(labels >= 0) & (labels < len(names))], minlength=len(names))
        counts += found
        images += found > 0
    unit = 'segments' if panoptic else 'pixels' if semantic else 'instances'
    return ClassCounts([str(name) for name in names], counts, images, unit, len(chosen), len(places))


def _instances(instances: Sequence[dict]) -> np.ndarray:
    """Labels of the instances that are trained on (crowds and ignored ones are not)."""
    return np.array([item['bbox_label'] for item in instances if not item.get('ignore_flag')], np.int64)


def label_map(dataset: Any, index: int) -> np.ndarray:
    """Labels (H, W) of an image as the data set's own loading step gives them (``reduce_zero_label``, ``label_map``).

    Raises:
        ValueError: the pipeline loads no label map.
    """
    info = dataset.get_data_info(index)
    transforms = getattr(dataset.pipeline, 'transforms', ())
    loaders = [step for step in transforms if type(step).__name__.endswith('LoadAnnotations')]
    if 'seg_map_path' not in info or not loaders:
        raise UserError(
            f'{type(dataset).__name__} has no label map that its pipeline loads (seg_map_path and a LoadAnnotations '
            'step); nothing to count',
        )
    return np.asarray(loaders[0](info)['gt_seg_map'])
