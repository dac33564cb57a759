"""Pixels of each class in each label map of a data set or of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.config.walk import labeled_datasets
from mmseg_plugins.data_check.class_counts import label_map
from mmseg_plugins.structures.images import read_label_map
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track

SHOWN = 5



@dataclass(frozen=True)
class LabelCounts:
    """Pixels of I label maps: ``counts`` (I, C) of each class, ``void`` (I,) of the ignored label."""

    names: tuple[str, ...]
    counts: np.ndarray
    void: np.ndarray


def count_labels(maps: Iterable[tuple[str, Callable[[], np.ndarray]]], names: tuple[str, ...],
                 ignore_index: int = 255) -> LabelCounts:
    """Count every map.

    Args:
        maps: The name of each map and a function that reads it as (H, W) integers.
        names: Of the C classes, labels 0 to C - 1.
        ignore_index: Label of void pixels.

    Raises:
        UserError: no map at all, or labels that are neither a class nor void, with the files that hold them.
    """
    rows, voids = [], []
    wrong: dict[str, list[int]] = {}
    for name, read in track(list(maps), description='Counting labels'):
        values, numbers = np.unique(read(), return_counts=True)
        row, void = np.zeros(len(names), np.int64), 0
        for value, number in zip(values.tolist(), numbers.tolist(), strict=True):
            if value == ignore_index:
                void = number
            elif 0 <= value < len(names):
                row[int(value)] = number
            else:
                wrong.setdefault(name, []).append(value)
        rows.append(row)
        voids.append(void)
    if wrong:
        shown = '; '.join(f'{name}: {values[:8]}' for name, values in list(wrong.items())[:SHOWN])
        more = f'; and {len(wrong) - SHOWN} more' if len(wrong) > SHOWN else ''
        raise UserError(
            f'{len(wrong)} label maps hold values outside the {len(names)} classes: {shown}{more}.',
            rule=f'0 to {len(names) - 1} are classes and {ignore_index} is void.',
            fix='convert the maps, set reduce_zero_label if 0 is void there, or correct the number of classes',
        )
    if not rows:
        raise UserError('no label map found.', fix='correct the path or the suffix')
    return LabelCounts(names, np.stack(rows), np.array(voids, np.int64))


def dataset_maps(dataset: Any) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """The label maps of a built mmseg data set, as its own loading step gives them; inside wrappers each once."""
    for part in labeled_datasets(dataset):
        if hasattr(part, 'full_init'):
            part.full_init()
        for index in range(len(part)):
            path = str(part.get_data_info(index).get('seg_map_path', index))
            yield path, partial(label_map, part, index)


def folder_maps(folder: Path, suffix: str = '.png') -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """The label maps of a folder and the folders in it, one channel each.

    Raises:
        UserError: ``folder`` is none, or (when read) a map has several channels.
    """
    if not folder.is_dir():
        raise UserError(f'{folder} is no folder.', fix='give a config (.py) or the folder of the label maps')
    for path in sorted(folder.rglob(f'*{suffix}')):
        yield str(path), partial(_read_map, path)


def _read_map(path: Path) -> np.ndarray:
    labels = read_label_map(path)
    if labels is None:
        raise UserError(f'{path} cannot be decoded as an image.', fix='copy it again, or remove it')
    if labels.ndim != 2:
        raise UserError(
            f'{path} has {labels.shape[2]} channels.',
            rule='a label map has one, the class numbers; this may be a coloured one.',
            fix='name the folder of the class numbers',
        )
    return labels
