"""A folder of labelme files to COCO.

Source of the format: https://github.com/wkentaro/labelme : per image a JSON with
``imagePath``, ``imageHeight``, ``imageWidth`` and ``shapes``, each with
``label``, ``points``, ``shape_type`` and perhaps ``group_id``; shapes of one
label and group are the parts of one instance.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.data_prep.common import (
    CocoBuilder,
    ellipse_outline,
    read_json_object,
    rectangle_outline,
    require_folder,
    split_names,
)
from mmseg_plugins.structures.images import read_header
from mmseg_plugins.utils.errors import UserError

SHAPES = ('polygon', 'rectangle', 'circle')


def shape_outline(shape: dict[str, Any], where: str) -> np.ndarray:
    """Outline (P, 2) in pixels of a labelme shape.

    Raises:
        UserError: a line or a point, or a wrong number of points.
    """
    kind = shape.get('shape_type') or 'polygon'
    try:
        points = np.asarray(shape.get('points'), float).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise UserError(f'{where}: points are not pairs of numbers.', fix='draw the shape again.') from error
    needed = {'polygon': 3, 'rectangle': 2, 'circle': 2}.get(kind)
    if needed is None:
        raise UserError(
            f'{where}: a {kind} has no area.',
            rule=f'shapes are {SHAPES}.',
            fix='remove it, or redraw it as a polygon.',
        )
    if len(points) < needed:
        raise UserError(f'{where}: a {kind} of {len(points)} points.', rule=f'at least {needed}.', fix='redraw it.')
    if kind == 'rectangle':
        # Two opposite corners, or all four since labelme 5.3.
        return rectangle_outline(*points.min(axis=0), *points.max(axis=0))
    if kind == 'circle':
        radius = float(np.hypot(*(points[1] - points[0])))
        return ellipse_outline(points[0, 0], points[0, 1], radius, radius)
    return points


def instances_of(content: dict[str, Any], path: Path) -> list[tuple[str, list[np.ndarray]]]:
    """(label, outlines of its parts) of each instance of one file, in the order drawn."""
    shapes = content.get('shapes')
    if not isinstance(shapes, list):
        raise UserError(f'{path} has no list "shapes".', rule='a labelme file.', fix='remove it from the folder.')
    instances: dict[Any, tuple[str, list[np.ndarray]]] = {}
    for i, shape in enumerate(shapes):
        where = f'{path.name} shape {i}'
        label = shape.get('label') if isinstance(shape, dict) else None
        if not isinstance(label, str) or not label.strip():
            raise UserError(f'{where}: the label is {label!r}.', rule='a class name.', fix='name it.')
        group = shape.get('group_id')
        key = ('alone', i) if group is None else (label, group)
        instances.setdefault(key, (label.strip(), []))[1].append(shape_outline(shape, where))
    return list(instances.values())


def image_size(content: dict[str, Any], image: Path, path: Path) -> tuple[int, int]:
    """(height, width) of the image file, which must be what labelme noted."""
    try:
        header = read_header(image)
    except OSError as error:
        raise UserError(
            f'{image}, named in {path.name}, cannot be read: {error}.',
            fix='keep images and labelme files together.',
        ) from error
    noted = (content.get('imageHeight'), content.get('imageWidth'))
    if None not in noted and noted != (header.height, header.width):
        raise UserError(
            f'{path}: imageWidth x imageHeight is {noted[1]} x {noted[0]}, the file is {header.width} x '
            f'{header.height}.',
            rule='equal sizes.',
            fix='open and save it in labelme again.',
        )
    return header.height, header.width


def convert_labelme(
    folder: Path, out: Path, classes: Sequence[str] | None = None, val_fraction: float = 0.0, seed: int = 0
) -> dict[str, CocoBuilder]:
    """Write ``out/instances_train.json`` and, with a fraction, ``out/instances_val.json``.

    ``file_name`` is relative to ``folder``, whose subfolders are searched too.

    Args:
        classes: names in label order; None takes the labels found, sorted.
        val_fraction: part of the images for validation, at random by ``seed``.
    """
    require_folder(folder, 'a folder of labelme JSON files')
    # What an earlier run wrote may lie inside the folder.
    written = {(out / f'instances_{split}.json').resolve() for split in ('train', 'val')}
    found_files = [path for path in sorted(folder.rglob('*.json')) if path.resolve() not in written]
    paths = {str(path.relative_to(folder)): path for path in found_files}
    if not paths:
        raise UserError(f'{folder} holds no JSON file.', rule='one labelme file an image.', fix='correct the path.')
    contents = {name: read_json_object(path) for name, path in paths.items()}
    instances = {name: instances_of(content, paths[name]) for name, content in contents.items()}
    if classes is None:
        classes = sorted({label for found in instances.values() for label, _ in found})
    if not classes:
        raise UserError(f'no file in {folder} has a shape.', fix='draw some, or give --classes.')
    owners: dict[Path, str] = {}
    builders = {}
    for split, names in zip(('train', 'val'), split_names(list(paths), val_fraction, seed), strict=True):
        if split == 'val' and val_fraction == 0:
            continue
        builder = builders[split] = CocoBuilder(classes)
        for name in names:
            image_path = contents[name].get('imagePath')
            if not isinstance(image_path, str) or not image_path:
                raise UserError(f'{paths[name]} has no "imagePath".', fix='save it in labelme again.')
            # labelme on Windows writes backslashes.
            image = (paths[name].parent / image_path.replace('\\', '/')).resolve()
            if image in owners:
                raise UserError(f'{owners[image]} and {name} describe the same image {image}.', fix='keep one.')
            owners[image] = name
            size = image_size(contents[name], image, paths[name])
            image_id = builder.add_image(_relative(image, folder), *size)
            for label, outlines in instances[name]:
                builder.add_polygons(image_id, label, outlines)
        builder.save(out / f'instances_{split}.json')
    return builders


def _relative(image: Path, folder: Path) -> str:
    try:
        return image.relative_to(folder.resolve()).as_posix()
    except ValueError as error:
        raise UserError(
            f'{image} lies outside {folder}.',
            rule='file names are relative to that folder.',
            fix='give the folder that holds both images and labelme files.',
        ) from error
