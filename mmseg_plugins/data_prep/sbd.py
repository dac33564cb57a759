"""SBD's ``.mat`` files to COCO JSONs with exact masks, so that any config reads it and starts at once.

Layout and split: :mod:`mmseg_plugins.datasets.sbd_files`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mmseg_plugins.data_prep.common import CocoBuilder, require_folder
from mmseg_plugins.datasets.sbd_files import (
    CLASSES,
    FOLDERS,
    KNOWN_LISTS,
    LAYOUT,
    SUFFIXES,
    read_instances,
    read_names,
)
from mmseg_plugins.structures.image_headers import read_header
from mmseg_plugins.structures.images import missing_files
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track


def convert_sbd(root: Path, out: Path, lists: Mapping[str, Path] | None = None) -> dict[str, CocoBuilder]:
    """Write ``out/instances_<split>.json``; images stay where they are, in ``root/img``.

    Void pixels belong to no object; categories are the 20 classes with the ids 1..20 of SBD.

    Args:
        root: the folder with img, inst and cls.
        lists: split -> list of names; by default train.txt and val.txt of ``root``, those that are there.

    Returns:
        What was written, a split each; ``counts`` says when a list is not that of the papers.

    Raises:
        UserError: a folder or files are missing, or an image has another size than its label maps.
        UserError: a label map that does not fit.
    """
    for folder in FOLDERS.values():
        require_folder(root / folder, LAYOUT)
    if lists is None:
        lists = {split: root / f'{split}.txt' for split in ('train', 'val') if (root / f'{split}.txt').is_file()}
    if not lists:
        raise UserError(
            f'{root} has neither train.txt nor val.txt.',
            rule=f'the layout is {LAYOUT}.',
            fix=(
                'name the lists with --train and --val; those of the papers are in https://github.com/msracver/FCIS , '
                'data/VOCdevkit/VOCSDS/ImageSets/Main.'
            ),
        )
    builders = {}
    for split, path in lists.items():
        names = read_names(path)
        for key, suffix in SUFFIXES.items():
            absent = [names[i] + suffix for i in missing_files(root / FOLDERS[key], [name + suffix for name in names])]
            if absent:
                raise UserError(
                    f'{len(absent)} of the {len(names)} files that {path} names are not in {root / FOLDERS[key]}: '
                    f'{", ".join(absent[:3])}.',
                    fix='unpack the archive again, or use the list that belongs to it.',
                )
        builders[split] = _convert_list(root, names, split)
        builders[split].save(out / f'instances_{split}.json')
    return builders


def _convert_list(root: Path, names: list[str], split: str) -> CocoBuilder:
    builder = CocoBuilder(CLASSES)
    for name in track(names, description=f'Converting {split}'):
        files = {key: root / FOLDERS[key] / f'{name}{suffix}' for key, suffix in SUFFIXES.items()}
        (height, width), instances = read_instances(files['inst'], files['cls'])
        header = read_header(files['img'])
        if (header.height, header.width) != (height, width):
            raise UserError(
                f'{files["img"]} is {header.width} x {header.height}, its label maps {width} x {height}.',
                rule='equal sizes.',
                fix='unpack the archive again.',
            )
        image_id = builder.add_image(files['img'].name, height, width)
        for instance in instances:
            builder.add_mask(image_id, CLASSES[instance.label], instance.mask)
    return builder


def which_list(images: int) -> str:
    """What a list of this length is known to be, as the end of a sentence; empty for others."""
    return f' ({KNOWN_LISTS[images]})' if images in KNOWN_LISTS else ''
