"""What every format of annotations is read into and written from: objects on images, in splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmseg_plugins.data_prep.common import CocoBuilder, clean_outlines, split_names
from mmseg_plugins.data_prep.names import find_file
from mmseg_plugins.structures.image_headers import read_header
from mmseg_plugins.structures.masks import mask_polygons
from mmseg_plugins.structures.rle import as_rle, decode_rle, encode_mask, rle_area
from mmseg_plugins.utils.errors import UserError


@dataclass
class AnnotatedObject:
    """One object: its outlines, or its mask.

    Attributes:
        name: Class.
        outlines: Parts (P, 2), x y in px; empty where there is a mask.
        mask: Compressed RLE.
        score: Of a prediction, 0..1.
        crowd: COCO's ``iscrowd``: several objects in one.
    """

    name: str
    outlines: list[np.ndarray] = field(default_factory=list)
    mask: dict[str, Any] | None = None
    score: float | None = None
    crowd: bool = False

    def polygons(self) -> list[np.ndarray]:
        """Outlines (P, 2); of a mask along its pixel edges, holes joined by seams: the same pixels."""
        if self.mask is None:
            return self.outlines
        return [np.reshape(flat, (-1, 2)) for flat in mask_polygons(decode_rle(self.mask))]

    def dense(self, height: int, width: int) -> np.ndarray:
        """Mask (H, W) bool, as pycocotools fills outlines."""
        flat = [part.ravel().tolist() for part in self.outlines]
        return decode_rle(self.mask or as_rle(flat, height, width)).astype(bool)


@dataclass
class AnnotatedImage:
    """An image file.

    Attributes:
        name: In the set, relative and with ``/``.
        path: Of the file.
        height, width: In px.
        objects: What is annotated on it.
        place: Where a writer expects it below ``images``, ``<split>/<name>``; empty where images stay in their place.
        coco_id: Its id in the COCO file that it is from; None elsewhere.
    """

    name: str
    path: Path
    height: int
    width: int
    objects: list[AnnotatedObject] = field(default_factory=list)
    place: str = ''
    coco_id: int | None = None

    def add_outlines(self, name: str, outlines: Sequence[np.ndarray], counts: Counter[str], **facts: Any) -> None:
        """Add an object by its parts; points are pulled into the image, what has no area is counted and left out."""
        parts = clean_outlines(outlines, self.height, self.width, counts)
        if parts:
            self.objects.append(AnnotatedObject(name, parts, **facts))

    def add_mask(self, name: str, mask: np.ndarray, counts: Counter[str], **facts: Any) -> None:
        """Add an object by its mask (H, W); an empty one is counted and left out."""
        self.add_rle(name, encode_mask(mask), counts, **facts)

    def add_rle(self, name: str, rle: dict[str, Any], counts: Counter[str], **facts: Any) -> None:
        """Add an object by the sound RLE of its mask; an empty one is counted and left out."""
        if rle_area(rle):
            self.objects.append(AnnotatedObject(name, mask=rle, **facts))
        else:
            counts['empty masks left out'] += 1


@dataclass
class AnnotationSet:
    """What a reader gives and a writer takes.

    Attributes:
        classes: Names in label order.
        splits: Images of ``train``, ``val``, ...
        counts: What was left out or changed, for the closing line.
    """

    classes: list[str]
    splits: dict[str, list[AnnotatedImage]]
    counts: Counter[str] = field(default_factory=Counter)

    def images(self) -> Iterator[AnnotatedImage]:
        """All images of all splits."""
        for images in self.splits.values():
            yield from images

    def summary(self) -> str:
        """``12 images (3 without an object), 340 objects of 2 classes`` and what was left out or changed."""
        images = list(self.images())
        empty = sum(not image.objects for image in images)
        objects = sum(len(image.objects) for image in images)
        notes = ''.join(f', {number} {what}' for what, number in (+self.counts).items())
        background = f' ({empty} without an object)' if empty else ''
        return f'{len(images)} images{background}, {objects} objects of {len(self.classes)} classes{notes}'


@dataclass(frozen=True)
class ReadOptions:
    """What a reader may have to be told.

    Args:
        classes: Names in label order; None takes those of the source.
        class_name: Of all objects, where the format names no class.
        image_dir: Folder of the images, where it is not found from the source.
        background: Values of a label image that are no object.
        id_divisor: Label images: a value is class number x divisor + object; None is a value an object of one class.
        separate_parts: Label images: connected parts of a value are objects of their own.
        class_attribute: VIA: the region attribute that names the class.
        crowds_as_objects: COCO: ``iscrowd`` is read as 0, for files of tools that write it for every RLE.
    """

    classes: Sequence[str] | None = None
    class_name: str = 'object'
    image_dir: Path | None = None
    background: Sequence[int] = (0,)
    id_divisor: int | None = None
    separate_parts: bool = False
    class_attribute: str | None = None
    crowds_as_objects: bool = False


def open_image(path: Path, name: str, named_in: str) -> AnnotatedImage:
    """An image without objects, its size from the file's header.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        header = read_header(path)
    except OSError as error:
        raise UserError(f'{path}, named in {named_in}, cannot be read: {error}.',
                        fix='keep images and annotations together.') from error
    return AnnotatedImage(name, path, header.height, header.width)


def open_named(folder: Path, name: str, named_in: str) -> AnnotatedImage:
    """:func:`open_image` of a name that a file gives; where the file on disk is spelled otherwise (letter case, NFC or
    NFD), the image has that spelling, so that what is written names a file that is there.
    """
    file = find_file(folder / name)
    if file is not None and file.name != PurePosixPath(name).name:
        name = PurePosixPath(name).with_name(file.name).as_posix()
    return open_image(file or folder / name, name, named_in)


def require_size(shape: tuple[int, int], image: AnnotatedImage, where: str) -> None:
    """UserError unless a mask (H, W) has the size of its image."""
    if shape != (image.height, image.width):
        turned = ' (the image is turned by its EXIF tag?)' if shape == (image.width, image.height) else ''
        raise UserError(
            f'{where} is {shape[1]} x {shape[0]}, its image {image.name} {image.width} x {image.height}{turned}.',
            rule='equal sizes.',
            fix='export it in the size of the image; class and object numbers are never resized.',
        )


def found_classes(images: Sequence[AnnotatedImage], source: Path, wanted: Sequence[str] | None) -> list[str]:
    """The wanted names, or all that occur, sorted.

    Raises:
        UserError: an object has another class than the wanted ones, or nothing has any.
    """
    found = {item.name: image.name for image in images for item in image.objects}
    if wanted is not None:
        unknown = sorted(set(found) - set(wanted))
        if unknown:
            raise UserError(f'class {unknown[0]!r} is not among {tuple(wanted)} ({found[unknown[0]]} has it).',
                            fix='add it to --classes or rename it.')
        return list(wanted)
    if not found:
        raise UserError(f'nothing in {source} has an object.', fix='annotate some, or give --classes.')
    return sorted(found)


def divided(annotations: AnnotationSet, val_fraction: float, seed: int) -> AnnotationSet:
    """The set with a part of its images, at random, as split ``val``.

    Raises:
        UserError: it has a validation split of its own.
    """
    if not val_fraction:
        return annotations
    if len(annotations.splits) != 1:
        raise UserError(f'--val-fraction {val_fraction}: the source has the splits {list(annotations.splits)} itself.',
                        fix='leave --val-fraction out.')
    by_name = {image.name: image for image in annotations.images()}
    parts = split_names(list(by_name), val_fraction, seed)
    splits = {split: [by_name[name] for name in names] for split, names in zip(('train', 'val'), parts, strict=True)}
    return AnnotationSet(annotations.classes, splits, annotations.counts)


def coco_builder(annotations: AnnotationSet, images: Sequence[AnnotatedImage]) -> CocoBuilder:
    """The COCO content of one split; file names start below the split's folder of images that have a place."""
    builder = CocoBuilder(annotations.classes)
    for image in images:
        image_id = builder.add_image(image.place.partition('/')[2] or image.name, image.height, image.width)
        for item in image.objects:
            if item.mask is not None:
                builder.add_rle(image_id, item.name, item.mask)
            else:
                builder.add_polygons(image_id, item.name, item.outlines)
            if item.score is not None:
                builder.annotations[-1]['score'] = round(item.score, 6)
            if item.crowd:
                builder.annotations[-1]['iscrowd'] = 1
    return builder
