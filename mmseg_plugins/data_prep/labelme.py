"""labelme: per image a JSON of shapes.

Source of the format: https://github.com/wkentaro/labelme : ``imagePath``,
``imageHeight``, ``imageWidth`` and ``shapes``, each with ``label``, ``points``,
``shape_type`` and perhaps ``group_id``; shapes of one label and group are the
parts of one object.  A ``mask`` has two corners as points and a PNG in base64
as ``mask``.  X-AnyLabeling (https://github.com/CVHub520/X-AnyLabeling) writes
turned boxes as ``rotation`` with four corners.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_plugins.data_prep.annotations import (
    AnnotatedImage,
    AnnotatedObject,
    AnnotationSet,
    ReadOptions,
    coco_builder,
    divided,
    found_classes,
    open_image,
)
from mmseg_plugins.data_prep.common import (
    CocoBuilder,
    ellipse_outline,
    read_json_object,
    rectangle_outline,
    require_folder,
)
from mmseg_plugins.data_prep.names import find_file, plain, split_of
from mmseg_plugins.structures.images import IMAGE_SUFFIXES, decode_bytes, files_below
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError

SHAPES = ('polygon', 'rectangle', 'circle', 'mask', 'rotation', 'oriented_rectangle')
TURNED = ('rotation', 'oriented_rectangle', 'rotated_rectangle')
FARTHEST = 1e6  # px; no image is so large
NEEDED = {'polygon': 3, 'rectangle': 2, 'circle': 2, 'mask': 2, **dict.fromkeys(TURNED, 4)}


def shape_outline(shape: dict[str, Any], where: str) -> np.ndarray:
    """Outline (P, 2) in pixels of a labelme shape; the two corners of a ``mask``.

    Raises:
        UserError: a line or a point, or a wrong number of points.
    """
    kind = shape.get('shape_type') or 'polygon'
    try:
        points = np.asarray(shape.get('points'), float).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise UserError(f'{where}: points are not pairs of numbers.', fix='draw the shape again.') from error
    needed = NEEDED.get(str(kind))
    if needed is None:
        raise UserError(
            f'{where}: a {kind} has no area.',
            rule=f'shapes are {SHAPES}.',
            fix='remove it, or redraw it as a polygon.',
        )
    if not (np.abs(points) < FARTHEST).all():
        raise UserError(f'{where}: a point is {points[~(np.abs(points) < FARTHEST)][0]:g}.', rule='pixels.',
                        fix='draw the shape again.')
    if len(points) < needed:
        raise UserError(f'{where}: a {kind} of {len(points)} points.', rule=f'at least {needed}.', fix='redraw it.')
    if kind == 'rectangle':
        # Two opposite corners, or all four since labelme 5.3.
        return rectangle_outline(*points.min(axis=0), *points.max(axis=0))
    if kind == 'circle':
        radius = float(np.hypot(*(points[1] - points[0])))
        return ellipse_outline(points[0, 0], points[0, 1], radius, radius)
    return points


def shape_mask(shape: dict[str, Any], corners: np.ndarray, size: tuple[int, int], where: str) -> np.ndarray:
    """The mask (H, W) bool of a shape of type ``mask``, whose PNG begins at the upper left corner.

    Raises:
        UserError: no PNG, or not of the size of its box.
    """
    try:
        crop = decode_bytes(base64.b64decode(str(shape.get('mask') or ''), validate=True), cv2.IMREAD_UNCHANGED)
    except (binascii.Error, ValueError):
        crop = None
    if crop is None:
        raise UserError(f'{where}: its "mask" is no PNG in base64.', fix='draw the shape again.')
    crop = np.asarray(crop > 0 if crop.ndim == 2 else crop[..., :3].any(axis=2))
    (x1, y1), (x2, y2) = corners.min(axis=0).round().astype(int), corners.max(axis=0).round().astype(int)
    # labelme counts both corners as inside; some writers count half-open
    if abs(crop.shape[0] - (y2 - y1 + 1)) > 1 or abs(crop.shape[1] - (x2 - x1 + 1)) > 1:
        raise UserError(f'{where}: its mask is {crop.shape[1]} x {crop.shape[0]}, its box {x2 - x1 + 1} x '
                        f'{y2 - y1 + 1}.', rule='equal sizes.', fix='draw the shape again.')
    mask = np.zeros(size, bool)
    place = mask[max(y1, 0):y1 + crop.shape[0], max(x1, 0):x1 + crop.shape[1]]
    place[:] = crop[max(-y1, 0):, max(-x1, 0):][:place.shape[0], :place.shape[1]]
    return mask


def add_shapes(image: AnnotatedImage, content: dict[str, Any], path: Path, counts: Counter[str]) -> None:
    """Add the objects of one file in the order drawn; the parts of a group are one object."""
    shapes = content.get('shapes')
    if not isinstance(shapes, list):
        raise UserError(f'{path} has no list "shapes".', rule='a labelme file.', fix='remove it from the folder.')
    size = (image.height, image.width)
    groups: dict[Any, tuple[str, list[np.ndarray], list[np.ndarray], float | None]] = {}
    for i, shape in enumerate(shapes):
        where = f'{path.name} shape {i}'
        label = shape.get('label') if isinstance(shape, dict) else None
        if not isinstance(label, str) or not label.strip():
            raise UserError(f'{where}: the label is {label!r}.', rule='a class name.', fix='name it.')
        group = shape.get('group_id')
        key = ('alone', i) if group is None else (label.strip(), repr(group))
        score = shape.get('score')
        entry = groups.setdefault(key, (label.strip(), [], [], score if isinstance(score, float) else None))
        outline = shape_outline(shape, where)
        if shape.get('shape_type') == 'mask':
            entry[2].append(shape_mask(shape, outline, size, where))
        else:
            entry[1].append(outline)
    for name, outlines, masks, score in groups.values():
        if masks:
            drawn = AnnotatedImage(image.name, image.path, *size)
            drawn.add_outlines(name, outlines, counts)
            masks += [item.dense(*size) for item in drawn.objects]
            image.add_mask(name, np.any(masks, axis=0), counts, score=score)
        else:
            image.add_outlines(name, outlines, counts, score=score)


def image_of(content: dict[str, Any], path: Path, image_dir: Path | None, counts: Counter[str]) -> Path:
    """The image of a labelme file: at ``imagePath``, or else the one with the name of the file next to it, counted.

    Args:
        image_dir: Where images lie, if not next to their files.
    """
    given = content.get('imagePath')
    if not isinstance(given, str) or not given:
        raise UserError(f'{path} has no "imagePath".', fix='save it in labelme again.')
    # labelme on Windows writes backslashes.
    given = given.replace('\\', '/')
    folder = image_dir or path.parent
    wanted = folder / (Path(given).name if image_dir else given)
    found = find_file(wanted)
    if found is None:
        same = [other for other in folder.iterdir() if other.suffix.lower() in IMAGE_SUFFIXES
                and plain(other.stem) == plain(path.stem)]
        if len(same) != 1:
            return wanted.resolve()  # which the reading of its size reports
        counts['images found by the name of their JSON, not by imagePath'] += 1
        found = same[0]
    return found.resolve()


def check_size(content: dict[str, Any], image: AnnotatedImage, path: Path) -> None:
    """UserError unless the image has the size that labelme noted."""
    noted = (content.get('imageHeight'), content.get('imageWidth'))
    if None not in noted and noted != (image.height, image.width):
        raise UserError(
            f'{path}: imageWidth x imageHeight is {noted[1]} x {noted[0]}, the file is {image.width} x '
            f'{image.height}.',
            rule='equal sizes.',
            fix='open and save it in labelme again.',
        )


def labelme_files(folder: Path, leave_out: Sequence[Path] = ()) -> dict[str, Path]:
    """Relative name -> path of the JSON files of a folder, what this package wrote into it left out."""
    hidden = {path.resolve() for path in leave_out}
    found = [path for path in files_below(folder, ('.json',)) if path.resolve() not in hidden]
    if not found:
        raise UserError(f'{folder} holds no JSON file.', rule='one labelme file an image.', fix='correct the path.')
    return {path.relative_to(folder).as_posix(): path for path in found}


def read_labelme(folder: Path, options: ReadOptions, leave_out: Sequence[Path] = ()) -> AnnotationSet:
    """Read a folder of images and labelme files, subfolders included; images without one are background, counted.

    Args:
        leave_out: JSON files of the folder that are none of labelme's.

    Raises:
        UserError: a wrong shape, size or image; two files of one image; an image outside the folder.
    """
    require_folder(folder, 'a folder of labelme JSON files')
    image_dir = options.image_dir
    if image_dir is not None:
        require_folder(image_dir, 'a folder of images, with the subfolders of the labelme files')
    root = image_dir or folder
    counts: Counter[str] = Counter()
    owners: dict[Path, str] = {}
    images: list[AnnotatedImage] = []
    for name, path in labelme_files(folder, leave_out).items():
        content = read_json_object(path)
        file = image_of(content, path, image_dir and image_dir / Path(name).parent, counts)
        if file in owners:
            raise UserError(f'{owners[file]} and {name} describe the same image {file}.', fix='keep one.')
        owners[file] = name
        image = open_image(file, _relative(file, root), path.name)
        check_size(content, image, path)
        add_shapes(image, content, path, counts)
        images.append(image)
    for path in files_below(root):
        if path.resolve() not in owners:
            counts['images without a JSON taken as background'] += 1
            images.append(open_image(path, path.relative_to(root).as_posix(), str(root)))
    images.sort(key=lambda image: image.name)
    splits: dict[str, list[AnnotatedImage]] = {}
    own = {split_of(image.name) for image in images}
    for image in images:
        split = split_of(image.name) if None not in own else None
        splits.setdefault(split or 'train', []).append(image)
    return AnnotationSet(found_classes(images, folder, options.classes), splits, counts)


def convert_labelme(
    folder: Path, out: Path, classes: Sequence[str] | None = None, val_fraction: float = 0.0, seed: int = 0
) -> dict[str, CocoBuilder]:
    """Write ``out/instances_train.json`` and, with a fraction, ``out/instances_val.json``.

    ``file_name`` is relative to ``folder``, whose subfolders are searched too.

    Args:
        classes: names in label order; None takes the labels found, sorted.
        val_fraction: part of the images for validation, at random by ``seed``.
    """
    written = [out / f'instances_{split}.json' for split in ('train', 'val')]
    read = read_labelme(folder, ReadOptions(classes=classes), written)
    every = AnnotationSet(read.classes, {'train': list(read.images())}, read.counts)
    builders = {}
    for split, images in divided(every, val_fraction, seed).splits.items():
        builder = builders[split] = coco_builder(every, images)
        builder.save(out / f'instances_{split}.json')
    builders['train'].counts.update(+every.counts)
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


def labelme_shapes(objects: Sequence[AnnotatedObject]) -> list[dict[str, Any]]:
    """The shapes of objects: a polygon for each part; the parts of an object share a ``group_id``."""
    shapes = []
    for group, item in enumerate(objects):
        for outline in item.polygons():
            shapes.append({
                'label': item.name,
                'points': outline.tolist(),
                'group_id': group,
                'description': '' if item.score is None else f'score {item.score:.4f}',
                'shape_type': 'polygon',
                'flags': {},
            })
    return shapes


def labelme_document(shapes: Sequence[Mapping[str, Any]], image_path: str, height: int, width: int) -> dict[str, Any]:
    """A whole labelme file; ``image_path`` is relative to it."""
    return {
        'version': '5.0.1',
        'flags': {},
        'shapes': list(shapes),
        'imagePath': image_path,
        'imageData': None,
        'imageHeight': height,
        'imageWidth': width,
    }


def write_labelme(annotations: AnnotationSet, out: Path) -> list[Path]:
    """Write ``images/<split>/<name>.json`` next to each image.
    """
    for image in annotations.images():
        target = out / 'images' / image.place
        content = labelme_document(labelme_shapes(image.objects), target.name, image.height, image.width)
        text = json.dumps(content, ensure_ascii=False, indent=1) + '\n'
        atomic_write_bytes(str(target.with_suffix('.json')), text.encode(), durable=False)
    return [out / 'images']
