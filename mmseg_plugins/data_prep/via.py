"""VGG Image Annotator (VIA 1 and 2) to COCO, as used by the balloon set.

Source of the format: https://www.robots.ox.ac.uk/~vgg/software/via/ : an object
of images, each with ``filename`` and ``regions`` (an object in VIA 1, a list in
VIA 2), a region with ``shape_attributes`` and ``region_attributes``; a VIA 2
project file holds that object under ``_via_img_metadata``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.data_prep.annotations import AnnotationSet, ReadOptions, coco_builder, found_classes, open_named
from mmseg_plugins.data_prep.common import (
    CocoBuilder,
    ellipse_outline,
    read_json_object,
    rectangle_outline,
    require_folder,
)
from mmseg_plugins.utils.errors import UserError

SHAPES = ('polygon', 'rect', 'circle', 'ellipse')


def shape_outline(shape: Any, where: str) -> np.ndarray:
    """Outline (P, 2) in pixels of VIA ``shape_attributes``.

    Raises:
        UserError: a point or a line, or numbers that are missing or none.
    """
    name = shape.get('name') if isinstance(shape, dict) else None
    if name not in SHAPES:
        raise UserError(f'{where}: a {name!r} has no area.', rule=f'regions are {SHAPES}.',
                        fix='remove it or redraw it.')
    try:
        outline = _outline(name, shape, where)
        if np.isfinite(outline).all():
            return outline
        problem = 'finite numbers'
    except UserError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        problem = str(error)
    raise UserError(f'{where}: a {name} without proper {problem}.', fix='draw the region again.')


def _outline(name: str, shape: dict[str, Any], where: str) -> np.ndarray:
    if name == 'polygon':
        xs, ys = shape['all_points_x'], shape['all_points_y']
        if len(xs) != len(ys):
            raise UserError(f'{where}: {len(xs)} x and {len(ys)} y coordinates.', fix='draw the region again.')
        return np.stack([np.asarray(xs, float), np.asarray(ys, float)], axis=1).reshape(-1, 2)
    if name == 'rect':
        x, y = float(shape['x']), float(shape['y'])
        return rectangle_outline(x, y, x + float(shape['width']), y + float(shape['height']))
    radii = ('r', 'r') if name == 'circle' else ('rx', 'ry')
    cx, cy, rx, ry, theta = (float(value) for value in (
        shape['cx'], shape['cy'], *(shape[key] for key in radii), shape.get('theta', 0.0)))
    if not np.isfinite([cx, cy, rx, ry, theta]).all():
        raise ValueError('finite numbers')
    return ellipse_outline(cx, cy, rx, ry, theta if name == 'ellipse' else 0.0)


def region_class(region: dict[str, Any], attribute: str | None, default: str, where: str) -> str:
    """The class name that a region's attribute gives; ``default`` when no attribute is asked for."""
    if attribute is None:
        return default
    attributes = region.get('region_attributes') or {}
    attributes = attributes if isinstance(attributes, dict) else {}
    value = attributes.get(attribute)
    if not isinstance(value, str) or not value.strip():
        raise UserError(
            f'{where}: the attribute {attribute!r} is {value!r}, it must be a class name; the region has '
            f'{sorted(attributes)}.',
            fix='fill it in, or correct --class-attribute.',
        )
    return value.strip()


def _entries(content: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    entries = content.get('_via_img_metadata', content)
    if not isinstance(entries, dict) or not all(_is_entry(item) for item in entries.values()):
        raise UserError(
            f'{path} is no VIA export.',
            rule='an object of images with "filename" and "regions".',
            fix='in VIA, Annotation > Export Annotations (as json).',
        )
    return list(entries.values())


def _is_entry(item: Any) -> bool:
    return (isinstance(item, dict) and isinstance(item.get('filename'), str)
            and isinstance(item.get('regions'), (dict, list)) and all(isinstance(one, dict) for one in _regions(item)))


def _regions(entry: dict[str, Any]) -> list[dict[str, Any]]:
    regions = entry['regions']
    return list(regions.values()) if isinstance(regions, dict) else list(regions)


def read_via(path: Path, options: ReadOptions) -> AnnotationSet:
    """Read an export; images lie in ``options.image_dir``, by default next to it.

    Raises:
        UserError: no such export, a region without area or class, a missing image.
    """
    path = _only_export(path) if path.is_dir() else path
    image_dir = options.image_dir or path.parent
    require_folder(image_dir, 'a folder with the annotated images')
    counts: Counter[str] = Counter()
    images = []
    for entry in sorted(_entries(read_json_object(path), path), key=lambda entry: entry['filename']):
        image = open_named(image_dir, entry['filename'], path.name)
        for i, region in enumerate(_regions(entry)):
            where = f'{entry["filename"]} region {i}'
            name = region_class(region, options.class_attribute, options.class_name, where)
            image.add_outlines(name, [shape_outline(region.get('shape_attributes'), where)], counts)
        images.append(image)
    empty = not any(image.objects for image in images)
    classes = options.classes or ([options.class_name] if empty else None)
    return AnnotationSet(found_classes(images, path, classes), {'train': images}, counts)


def _only_export(folder: Path) -> Path:
    found = sorted(folder.glob('*.json'))
    if len(found) != 1:
        raise UserError(f'{folder} holds {len(found)} JSON files.', rule='one export.', fix='name the file.')
    return found[0]


def convert_via(
    path: Path, image_dir: Path, out: Path, class_attribute: str | None = None, class_name: str = 'object'
) -> CocoBuilder:
    """Write the COCO JSON ``out`` for the images of ``image_dir``.

    Args:
        path: the exported JSON.
        class_attribute: region attribute with the class name; None puts all into ``class_name``.
    """
    read = read_via(path, ReadOptions(class_name=class_name, image_dir=image_dir, class_attribute=class_attribute))
    builder = coco_builder(read, read.splits['train'])
    builder.counts.update(+read.counts)
    empty = sum(not image.objects for image in read.images())
    if empty:
        builder.counts['images without a region'] = empty
    builder.save(out)
    return builder
