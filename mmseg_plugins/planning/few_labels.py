"""A few labelled images of a data set, chosen once and written as a list that every method trains on.

Two rules, both from published comparisons: N images a class (DecoupledNet, https://arxiv.org/abs/1506.04924: 5, 10 or
25 of VOC), and a share of all images (AdvSemiSeg, https://arxiv.org/abs/1802.07934: 1/8, 1/4, 1/2).  Neither paper
publishes its choice; here it follows from the data set and a seed alone, and smaller choices lie within larger ones.

Shapes: I images, C classes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.config.build import build_dataset
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.walk import base_datasets
from mmseg_plugins.planning.label_counts import count_labels, dataset_maps
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean

BACKGROUND = 'background'


@dataclass(frozen=True)
class LabelledImages:
    """The training images of a config.

    Attributes:
        dataset: As it was built, without wrappers.
        names: Of the C classes.
        counts: (I, C) pixels of each class in each label map, or objects of a COCO file.
        unit: ``'pixels'`` or ``'objects'``.
    """

    dataset: Any
    names: tuple[str, ...]
    counts: np.ndarray
    unit: str


def read_labelled_images(config: str, ignore_index: int, cfg_options: Mapping[str, Any] | None) -> LabelledImages:
    """Read every label of the training set of a config.

    Raises:
        UserError: no config, no classes, no labels, or several data sets in one.
    """
    cfg = load_config(config, cfg_options)
    cfg.setdefault('default_scope', 'mmseg')  # a base of a data set alone names none
    whole = build_dataset(cfg, 'train')
    parts = list(base_datasets(whole))
    names = tuple((getattr(whole, 'metainfo', None) or {}).get('classes') or ())
    if len(parts) != 1 or not names:
        problem = f'has {len(parts)} data sets in one' if len(parts) != 1 else 'names no classes'
        raise UserError(f'the training set of {config} {problem}.',
                        fix='give a config with one data set of label maps or of a COCO file')
    part = parts[0]
    if hasattr(part, 'full_init'):
        part.full_init()
    if len(part) and 'instances' in part.get_data_info(0):
        return LabelledImages(part, names, _objects(part, names), 'objects')
    return LabelledImages(part, names, count_labels(dataset_maps(part), names, ignore_index).counts, 'pixels')


def _objects(dataset: Any, names: tuple[str, ...]) -> np.ndarray:
    """(I, C) objects; a class of their own for what no object covers has none."""
    first = int(names[0] == BACKGROUND and len(names) == len(dataset.cat_ids) + 1)
    counts = np.zeros((len(dataset), len(names)), np.int64)
    for index, row in enumerate(counts):
        for item in dataset.get_data_info(index)['instances']:
            if not item.get('ignore_flag'):
                row[item['bbox_label'] + first] += 1
    return counts


def counted_classes(names: tuple[str, ...], skip: Collection[str] | None) -> list[int]:
    """Numbers of the classes that draw images: all but ``skip``, by default ``background``.

    Raises:
        UserError: a name of ``skip`` is no class, or no class is left.
    """
    for name in skip or ():
        if name not in names:
            raise UserError(f'--skip {name}: no such class{did_you_mean(name, names)}.',
                            fix=f'one of {", ".join(names)}')
    left = [index for index, name in enumerate(names) if name not in (skip or (BACKGROUND, ))]
    if not left:
        raise UserError(f'--skip leaves none of the classes {", ".join(names)}.', fix='skip fewer')
    return left


def choose_per_class(present: np.ndarray, number: int, seed: int) -> np.ndarray:
    """For each class ``number`` images that hold it.

    An image is drawn for one class, whatever else it holds, so that C classes get C times ``number`` images.  The
    class in the fewest images draws first.  A class with fewer images gets all that are left.

    Args:
        present: (I, C) bool.
        number: N, at least 1.
        seed: Of the order in which each class draws its images.

    Returns:
        Indices of images, ascending.  Those of a smaller ``number`` with the same seed are among them.
    """
    taken: set[int] = set()
    for column in np.argsort(present.sum(0), kind='stable').tolist():
        order = np.random.default_rng([seed, column]).permutation(len(present))
        images = [int(index) for index in order if present[index, column] and int(index) not in taken]
        taken.update(images[:number])
    return np.array(sorted(taken), np.int64)


def table(found: LabelledImages, present: np.ndarray, chosen: np.ndarray) -> str:
    """Images that hold each class: in the data set, and chosen; with the pixels or objects in these."""
    width = max(5, *(len(name) for name in found.names))
    lines = [f'{"class":<{width}}  images  chosen  {found.unit} in them']
    for k, name in enumerate(found.names):
        total = int(found.counts[chosen, k].sum())
        lines.append(f'{name:<{width}}  {present[:, k].sum():>6}  {present[chosen, k].sum():>6}  {total:>14,}')
    lines.append(f'{"all":<{width}}  {len(present):>6}  {len(chosen):>6}  {int(found.counts[chosen].sum()):>14,}')
    return '\n'.join(lines)


def write_list(found: LabelledImages, chosen: np.ndarray, path: Path) -> None:
    """Write the chosen images as an ``ann_file`` of the same type of data set.

    mmseg's data sets read a list of names without suffix, those of COCO files a COCO file.

    Raises:
        UserError: the suffix of ``path`` is not that of such a file.
    """
    suffix = '.json' if found.unit == 'objects' else '.txt'
    if path.suffix != suffix:
        raise UserError(f'--out-file {path}: {type(found.dataset).__name__} reads a file {suffix}.',
                        fix=f'{path.with_suffix(suffix)}')
    infos = [found.dataset.get_data_info(int(index)) for index in chosen]
    if found.unit == 'objects':
        wanted = {info['img_id'] for info in infos}
        content = read_coco(found.dataset.ann_file).content
        kept = dict(content, images=[image for image in content['images'] if image['id'] in wanted],
                    annotations=[ann for ann in content['annotations'] if ann['image_id'] in wanted])
        text = json.dumps(kept)
    else:
        text = ''.join(f'{_stem(found.dataset, info["img_path"])}\n' for info in infos)
    atomic_write_bytes(str(path), text.encode())


def _stem(dataset: Any, path: str) -> str:
    name = os.path.relpath(path, dataset.data_prefix.get('img_path') or os.curdir)
    return name.removesuffix(dataset.img_suffix)


def as_ann_file(dataset: Any, path: Path) -> str:
    """How a config names the list: from ``data_root`` where it lies below it, else its whole path."""
    root = getattr(dataset, 'data_root', None)
    whole = path.absolute()
    if root and whole.is_relative_to(Path(root).absolute()):
        return whole.relative_to(Path(root).absolute()).as_posix()
    return str(whole)
