"""Label images: one image of whole numbers per image, each object its own number.

cellpose and StarDist write an object's number alone (0 is background); Cityscapes' ``*_instanceIds.png`` hold class x
1000 + object, and below 1000 the class of what is no single object (source: cityscapesscripts/helpers/labels.py,
https://github.com/mcordts/cityscapesScripts ).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_plugins.data_prep.annotations import (
    AnnotatedImage,
    AnnotationSet,
    ReadOptions,
    found_classes,
    open_image,
    require_size,
)
from mmseg_plugins.data_prep.common import read_json_object
from mmseg_plugins.data_prep.names import by_key, is_label, no_image, plain, split_of
from mmseg_plugins.structures.images import decode_file, files_below, save_image
from mmseg_plugins.structures.rle import encode_labels
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError

CITYSCAPES = {24: 'person', 25: 'rider', 26: 'car', 27: 'truck', 28: 'bus', 31: 'train', 32: 'motorcycle',
              33: 'bicycle'}  # the classes that are evaluated
DIVISOR = 1000
SIDECAR = 'label_images.json'  # what this package writes next to its label images
MOST = 65535  # of a 16-bit PNG


def read_numbers(path: Path, counts: Counter[str]) -> np.ndarray:
    """The whole numbers (H, W) of a label image, 8 to 32 bits, also of palette images and of whole floats.

    Raises:
        UserError: JPEG, color, several pages, fractions, or no image.
    """
    if path.suffix.lower() in ('.jpg', '.jpeg', '.webp'):
        raise UserError(f'label image {path} is a {path.suffix.lower().lstrip(".").upper()}, which blurs the numbers.',
                        rule='PNG or TIFF.', fix='export it again as PNG; a converted copy stays blurred.')
    values = _decode(path, counts)
    if values.ndim == 3:
        if not (values[..., :3] == values[..., :1]).all() or values.shape[2] == 2:
            raise UserError(
                f'label image {path} is colored ({values.shape[2]} channels).',
                rule='one channel of 8, 16 or 32 bits, a number per object.',
                fix='export numbers instead of colors (instance ids, "raw" or "index" labels).',
            )
        values = values[..., 0]
    if values.dtype.kind == 'f':
        if not (np.isfinite(values).all() and (values == np.round(values)).all()):
            raise UserError(f'label image {path} holds fractions, such as {values[values != np.round(values)][0]:g}.',
                            rule='whole numbers.', fix='export it without scaling or interpolation.')
        counts['label images of floats read as whole numbers'] += 1
    return values.astype(np.int64)


def _decode(path: Path, counts: Counter[str]) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as image:
            if getattr(image, 'n_frames', 1) > 1:
                raise UserError(f'label image {path} holds {image.n_frames} pages.', rule='one image a file.',
                                fix='write each page into a file of its own.')
            counts['palette images read by their numbers'] += image.mode == 'P'
            return np.array(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, UserError):
            raise
        values = decode_file(path, cv2.IMREAD_UNCHANGED) if path.is_file() else None
        if values is None:
            raise UserError(f'label image {path} cannot be read: {error}.', fix='export it again.') from error
        return values


def find_pairs(source: Path, image_dir: Path | None) -> tuple[dict[str, Path], dict[str, Path]]:
    """Images by name, relative to ``image_dir`` or ``source``, and label files by name, relative to ``source``.

    Where there are label images of Cityscapes, other files of its label folders are none.
    """
    root = image_dir or source
    labels = {path.relative_to(source).as_posix(): path for path in files_below(source)}
    images = dict(labels) if root == source else {p.relative_to(root).as_posix(): p for p in files_below(root)}
    if root == source or root in source.parents:
        images = {name: path for name, path in images.items() if not is_label(name)}
    if root == source or source in root.parents:
        labels = {name: path for name, path in labels.items() if is_label(name)}
    ids = {name: path for name, path in labels.items() if plain(path.stem).endswith('_instanceids')}
    labels = ids or labels
    if not labels or not images:
        what = 'label image or mask' if images else 'image'
        raise UserError(
            f'{source} holds no {what} that is known by its name.',
            rule='images/NAME.png with masks/NAME.png, or NAME.png with NAME_masks.png.',
            fix='name the folders so, or give the folder of labels as source and --image-dir DIR.',
        )
    return images, labels


def read_label_images(source: Path, options: ReadOptions) -> AnnotationSet:
    """Read a folder of images and label images.

    The two belong together by name: in folders ``images`` and ``masks`` (or ``labels``, ``gtFine``, ...), or with
    ``_masks``, ``_cp_masks``, ``_label`` or ``_instanceIds`` after the name.

    Raises:
        UserError: see :func:`read_numbers`; names that match nothing; another size than the image; one number only.
    """
    images, labels = find_pairs(source, options.image_dir)
    image_names = by_key(images)
    label_names = by_key(labels)
    lost = [name for key, name in label_names.items() if key not in image_names]
    if lost:
        raise no_image(lost[0], images, len(lost))
    counts: Counter[str] = Counter()
    names, divisor = _class_numbers(source, labels, options)
    read: dict[str, list[AnnotatedImage]] = {}
    seen: set[int] = set()
    background = _Background(options.background)
    for key, name in sorted(image_names.items(), key=lambda pair: pair[1]):
        if key not in label_names:
            counts['images without a label image left out'] += 1
            continue
        image = open_image(images[name], name, label_names[key])
        values = read_numbers(labels[label_names[key]], counts)
        require_size((values.shape[0], values.shape[1]), image, f'label image {label_names[key]}')
        background.look(values, label_names[key])
        seen.update(_add_objects(image, values, names, divisor, options, counts))
        read.setdefault(split_of(name) or split_of(label_names[key]) or 'train', []).append(image)
    background.check()
    if len(seen) == 1 and not names and not options.separate_parts:
        raise UserError(
            f'every label image of {source} holds the one value {seen.pop()}, so that it says what is foreground.',
            rule='each object has its number.',
            fix='--separate-parts makes an object of each connected part; --from masks where each file is one object.',
        )
    every = [image for images_ in read.values() for image in images_]
    classes = list(names.values()) if names else found_classes(every, source, options.classes)
    return AnnotationSet(classes, read, counts)


def _class_numbers(source: Path, labels: Mapping[str, Path],
                   options: ReadOptions) -> tuple[dict[int, str], int | None]:
    """Class number -> name, and the divisor; ``({}, None)`` where a value says no class."""
    if (source / SIDECAR).is_file():
        content = read_json_object(source / SIDECAR)
        return dict(enumerate(content['classes'], start=1)), content['divisor']
    if any(plain(path.stem).endswith('_instanceids') for path in labels.values()) and options.id_divisor is None:
        wanted = options.classes or list(CITYSCAPES.values())
        unknown = sorted(set(wanted) - set(CITYSCAPES.values()))
        if unknown:
            raise UserError(f'class {unknown[0]!r} is none of Cityscapes.', rule=f'{tuple(CITYSCAPES.values())}.',
                            fix='correct --classes, or give --id-divisor with names of your own.')
        return {number: name for number, name in CITYSCAPES.items() if name in wanted}, DIVISOR
    if options.id_divisor is None:
        return {}, None
    if not options.classes:
        raise UserError(f'--id-divisor {options.id_divisor} needs names for the class numbers 1, 2, ...',
                        fix='--classes NAME NAME ...')
    return dict(enumerate(options.classes, start=1)), options.id_divisor


def _add_objects(image: AnnotatedImage, values: np.ndarray, names: Mapping[int, str], divisor: int | None,
                 options: ReadOptions, counts: Counter[str]) -> set[int]:
    """Add the objects of one label image; returns its values that are no background."""
    encoded = {value: rle for value, rle in encode_labels(values).items() if value not in options.background}
    for value, rle in encoded.items():
        if divisor is None:
            name = names.get(1, options.class_name)
            for part in _parts(values == value) if options.separate_parts else [rle]:
                image.add_rle(name, part, counts)
            continue
        number, crowd = (value // divisor, False) if value >= divisor else (value, True)
        if number in names:
            image.add_rle(names[number], rle, counts, crowd=crowd)
        elif not crowd:
            counts['objects of other classes left out'] += 1
    return set(encoded)


def _parts(mask: np.ndarray) -> list[dict[str, Any]]:
    """RLE of each connected part of (H, W), corners included."""
    parts = encode_labels(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[1])
    return [rle for part, rle in parts.items() if part]


class _Background:
    """Notices that the background is another value than the one that was given."""

    def __init__(self, given: Sequence[int]) -> None:
        self.given = given
        self.missing = True
        self.other: Counter[int] = Counter()  # images whose largest value this is

    def look(self, values: np.ndarray, where: str) -> None:
        if values.min() < 0 and values.min() not in self.given:
            raise UserError(f'label image {where} holds {values.min()}.', rule='objects are numbered from 0 up.',
                            fix=f'--background {values.min()} if that is the background.')
        self.missing = self.missing and not np.isin(values, self.given).any()
        numbers, areas = np.unique(values, return_counts=True)
        if areas.max() * 2 > values.size:
            self.other[int(numbers[areas.argmax()])] += 1

    def check(self) -> None:
        """UserError where no image has the background, and one other value covers most of each."""
        if self.missing and self.other:
            value, number = self.other.most_common(1)[0]
            given = ', '.join(map(str, self.given))
            raise UserError(f'the background {given} is in no label image; {value} covers most of {number}.',
                            rule='one value is the background.', fix=f'--background {value}')


def write_label_images(annotations: AnnotationSet, out: Path) -> list[Path]:
    """Write ``labels/<split>/<name>.png`` of 16 bits, and what their numbers mean.

    Of one class, objects are 1, 2, ...; of several, class number (from 1) x 1000 + object.  Where objects overlap the
    one with the better score, or the later one, keeps the pixels; what others lose is counted.

    Raises:
        UserError: more classes or objects than 16 bits can number.
    """
    several = len(annotations.classes) > 1
    most = DIVISOR - 1 if several else MOST
    if len(annotations.classes) > MOST // DIVISOR - 1:
        raise UserError(f'{len(annotations.classes)} classes.', rule=f'16 bits number {MOST // DIVISOR - 1}.',
                        fix='write coco, which has no such limit.')
    for image in annotations.images():
        values = np.zeros((image.height, image.width), np.uint16)
        numbers: Counter[str] = Counter()
        for item in sorted(image.objects, key=lambda entry: entry.score or 0):
            numbers[item.name] += 1
            if numbers[item.name] > most:
                raise UserError(f'{image.name} has more than {most} objects of {item.name}.',
                                rule='16 bits number no more.', fix='write coco, which has no such limit.')
            mask = item.dense(image.height, image.width)
            annotations.counts['pixels shared by objects given to one'] += int((values[mask] > 0).sum())
            first = (annotations.classes.index(item.name) + 1) * DIVISOR if several else 0
            values[mask] = first + numbers[item.name]
        lost = sum(numbers.values()) - len(set(np.unique(values).tolist()) - {0})
        annotations.counts['objects covered by others'] += lost
        save_image((out / 'labels' / image.place).with_suffix('.png'), values)
    written: dict[str, Any] = {'background': 0, 'classes': annotations.classes,
                               'divisor': DIVISOR if several else None}
    atomic_write_bytes(str(out / SIDECAR), (json.dumps(written, ensure_ascii=False) + '\n').encode())
    return [out / 'labels']

