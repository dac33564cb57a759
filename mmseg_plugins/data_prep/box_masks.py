"""Masks for all boxes of a file, by GrabCut: a job that can be killed and goes on where it stood."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_plugins.data_prep.box_files import BoxSet
from mmseg_plugins.data_prep.grabcut import BACKGROUND, OBJECT, GrabCutOptions, grabcut, pixel_box
from mmseg_plugins.structures.images import decode_file, read_image
from mmseg_plugins.structures.masks import mask_box, mask_polygons
from mmseg_plugins.structures.rle import as_rle, check_polygons, check_rle, decode_rle, encode_mask, short_polygons
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track

MISSED = ('box', 'ellipse', 'drop')
# What is counted, in the words of the closing lines.
BY_GRABCUT, KEPT_CROWD = 'masks by GrabCut', 'crowds kept as they were'
WHOLE, NO_AREA = 'boxes over the whole image', 'boxes without a pixel of the image left out'
KEPT_PRIOR = 'missed objects kept the mask they had'
FALLBACKS = {'box': 'missed objects got their box as mask', 'ellipse': 'missed objects got an ellipse as mask',
             'drop': 'missed objects left out'}  # fmt: skip
NOT_FOUND, DAMAGED = 'images not found', 'images that cannot be read'


@dataclass(frozen=True)
class MaskJob:
    """What is made of the boxes.

    Attributes:
        grabcut: How a box becomes a mask.
        missed: What becomes of a box in which no object was found: ``'box'``, ``'ellipse'`` (inscribed) or ``'drop'``.
        polygons: Write outlines instead of RLE; outlines have no holes.
        tight_boxes: Replace the boxes by those of the masks.
        refine: Begin with the masks that the file has already.
        scribbles: Folder of PNG files named as the images: 0 nothing, n the n-th object of the image (in the file's
            order, from 1), the largest value of the type (255, 65535) background.
    """

    grabcut: GrabCutOptions = field(default_factory=GrabCutOptions)
    missed: str = 'box'
    polygons: bool = False
    tight_boxes: bool = False
    refine: bool = False
    scribbles: str | None = None

    def __post_init__(self) -> None:
        if self.missed not in MISSED:
            raise UserError(f'MaskJob: missed={self.missed!r}, it must be one of {MISSED}')


def boxes_to_masks(boxes: BoxSet, image_dir: Path, out: Path, job: MaskJob | None = None) -> Counter[str] | None:
    """Write ``out``, a COCO file with a mask for each box; returns what was counted, None if it was there already.

    Finished images are noted in ``out`` + ``.part``; the same call after a kill continues there, with the same result.

    Raises:
        UserError: no image is where it should be; an image of another size than the file says; ``out`` or its
            notes belong to other boxes or settings.
    """
    job = job or MaskJob()
    mark = _fingerprint(boxes, job)
    if out.is_file():
        _check_same(out, mark)
        return None
    _look_for_images(boxes, image_dir)
    notes = Notes(out.with_name(out.name + '.part'), mark)
    of_image = boxes.of_image()
    todo = [image for image in boxes.images if image['id'] not in notes.done]
    with notes:
        for image in track(todo, description='GrabCut'):
            annotations, counts = masks_of_image(image, of_image[image['id']], image_dir, job)
            notes.add(image['id'], annotations, counts)
    made = [ann for image in boxes.images for ann in notes.done[image['id']][0]]
    order = {ann['id']: i for i, ann in enumerate(boxes.annotations)}
    made.sort(key=lambda ann: order[ann['id']])
    counts = sum((Counter(counted) for _, counted in notes.done.values()), Counter())
    content = {'info': {'grabcut': mark}, 'images': boxes.images, 'annotations': made, 'categories': boxes.categories}
    atomic_write_bytes(str(out), (json.dumps(content, ensure_ascii=False, separators=(',', ':')) + '\n').encode())
    notes.path.unlink()
    return counts


def masks_of_image(image: Mapping[str, Any], annotations: list[dict[str, Any]], image_dir: Path,
                   job: MaskJob) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The annotations of one image with masks, and what was counted."""
    if not annotations:
        return [], {}
    path = image_dir / image['file_name']
    if not path.is_file():
        return [], {NOT_FOUND: 1}
    try:
        pixels = read_image(path)
    except UserError:
        return [], {DAMAGED: 1}
    _check_size(image, pixels, path)
    height, width = pixels.shape[:2]
    drawn = _read_scribbles(job.scribbles, image['file_name'], (height, width))
    found = [pixel_box(ann['bbox'], height, width) for ann in annotations]
    counts: Counter[str] = Counter()
    result = []
    for number, (ann, box) in enumerate(zip(annotations, found, strict=True), start=1):
        if ann.get('iscrowd'):
            counts[KEPT_CROWD] += 1
            result.append(ann)
            continue
        if box is None:
            counts[NO_AREA] += 1
            continue
        counts[WHOLE] += box == (0, 0, width, height)
        others = [other for i, other in enumerate(found, start=1) if i != number and other is not None]
        prior = existing_mask(ann.get('segmentation'), height, width) if job.refine else None
        scribbles = None if drawn is None else np.where(drawn == number, OBJECT, np.where(drawn > 0, BACKGROUND, 0))
        mask = grabcut(pixels, box, job.grabcut, others=others, prior=prior, scribbles=scribbles)
        if mask is not None:
            counts[BY_GRABCUT] += 1
        elif prior is not None and job.missed != 'drop':
            mask = prior
            counts[KEPT_PRIOR] += 1
        else:
            mask = _fallback(box, (height, width), job.missed)
            counts[FALLBACKS[job.missed]] += 1
        if mask is not None:
            result.append(_with_mask(ann, mask, job))
    return result, {key: value for key, value in counts.items() if value}


def existing_mask(segmentation: Any, height: int, width: int) -> np.ndarray | None:
    """The mask (H, W) bool of COCO polygons or an RLE; None where there is none, or an unsound one."""
    if isinstance(segmentation, dict):
        return None if check_rle(segmentation, height, width) else decode_rle(segmentation).astype(bool)
    if not segmentation or check_polygons(segmentation, height, width):
        return None
    short = short_polygons(segmentation)
    polygons = [polygon for index, polygon in enumerate(segmentation) if index not in short]
    return decode_rle(as_rle(polygons, height, width)).astype(bool) if polygons else None


class Notes:
    """Finished images as lines of a file; a line that a kill cut off is dropped.

    Args:
        path: The file.
        mark: What boxes and settings it is for.

    Raises:
        UserError: the file is there, for another job.
    """

    def __init__(self, path: Path, mark: str) -> None:
        self.path = path
        self.done: dict[Any, tuple[list[dict[str, Any]], dict[str, int]]] = {}
        self._stream: Any = None
        self._good = 0
        data = path.read_bytes() if path.is_file() else b''
        lines = data.split(b'\n')[:-1]  # the last is not finished
        if lines and json.loads(lines[0]) != {'grabcut': mark}:
            raise UserError(
                f'{path} belongs to other boxes or settings.',
                rule='a job goes on with what it began.',
                fix='remove it to begin anew, or name another --out-file.',
            )
        for line in lines[1:]:
            image_id, annotations, counts = json.loads(line)
            self.done[image_id] = annotations, counts
        self._good = sum(len(line) + 1 for line in lines)
        self._head = b'' if lines else json.dumps({'grabcut': mark}).encode() + b'\n'

    def __enter__(self) -> Notes:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = open(self.path, 'r+b' if self.path.is_file() else 'wb')
        self._stream.seek(self._good)
        self._stream.truncate()
        self._stream.write(self._head)
        self._stream.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def add(self, image_id: Any, annotations: list[dict[str, Any]], counts: dict[str, int]) -> None:
        """Note a finished image."""
        self.done[image_id] = annotations, counts
        self._stream.write(json.dumps([image_id, annotations, counts]).encode() + b'\n')
        self._stream.flush()


def _with_mask(ann: Mapping[str, Any], mask: np.ndarray, job: MaskJob) -> dict[str, Any]:
    segmentation: Any = mask_polygons(mask) if job.polygons else encode_mask(mask)
    made = {**ann, 'segmentation': segmentation, 'area': int(np.count_nonzero(mask)), 'iscrowd': 0}
    tight = mask_box(mask)
    if job.tight_boxes and tight is not None:
        x1, y1, x2, y2 = tight
        made['bbox'] = [x1, y1, x2 - x1, y2 - y1]
    return made


def _fallback(box: tuple[int, int, int, int], size: tuple[int, int], missed: str) -> np.ndarray | None:
    """A box, or the ellipse in it, as a mask (H, W)."""
    if missed == 'drop':
        return None
    x1, y1, x2, y2 = box
    mask = np.zeros(size, bool)
    mask[y1:y2, x1:x2] = True
    if missed == 'ellipse':
        rows = (np.arange(size[0]) + 0.5 - (y1 + y2) / 2) / ((y2 - y1) / 2)
        columns = (np.arange(size[1]) + 0.5 - (x1 + x2) / 2) / ((x2 - x1) / 2)
        mask &= rows[:, None]**2 + columns[None]**2 <= 1
    return mask


def _check_size(image: Mapping[str, Any], pixels: np.ndarray, path: Path) -> None:
    stated = (image.get('height', pixels.shape[0]), image.get('width', pixels.shape[1]))
    if stated != pixels.shape[:2]:
        raise UserError(
            f'{path} has {pixels.shape[0]} x {pixels.shape[1]} px, the file of boxes says {stated[0]} x {stated[1]}.',
            rule='boxes are in px of the image.',
            fix='the images that the boxes were drawn on (not resized or turned ones).',
        )


def _read_scribbles(folder: str | None, file_name: str, size: tuple[int, int]) -> np.ndarray | None:
    """Drawn numbers (H, W) int64 with background -> a number that no object has; None where nothing is drawn."""
    path = None if folder is None else (Path(folder) / file_name).with_suffix('.png')
    if path is None or not path.is_file():
        return None
    drawn = decode_file(path, cv2.IMREAD_UNCHANGED)
    if drawn is None or drawn.ndim != 2 or drawn.shape != size:
        found = 'no image' if drawn is None else f'shape {drawn.shape}'
        raise UserError(
            f'{path}: {found}.',
            rule=f'scribbles are grey PNG files of the size of the image, {size[0]} x {size[1]}.',
            fix='save them so.',
        )
    return drawn.astype(np.int64)


def _look_for_images(boxes: BoxSet, image_dir: Path) -> None:
    names = [image['file_name'] for image in boxes.images]
    if not names:
        raise UserError('the list of images is empty.', fix='is it the right file?')
    if not image_dir.is_dir():
        raise UserError(f'the folder of images {image_dir} does not exist.', fix='correct --images.')
    if not any((image_dir / name).is_file() for name in names):
        raise UserError(
            f'none of the {len(names)} images is in {image_dir}; the first would be {image_dir / names[0]}.',
            rule='file_name is relative to --images.',
            fix='correct --images.',
        )


def _fingerprint(boxes: BoxSet, job: MaskJob) -> str:
    """Hash of the boxes and all settings."""
    digest = hashlib.sha256()
    for part in _parts(boxes, job):
        digest.update(json.dumps(part, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def _parts(boxes: BoxSet, job: MaskJob) -> Iterable[Any]:
    settings = asdict(job)
    if job.scribbles is not None:
        settings['scribbles'] = os.path.abspath(job.scribbles)
    return settings, boxes.images, boxes.annotations, boxes.categories


def _check_same(out: Path, mark: str) -> None:
    """UserError unless ``out`` is this job's own result."""
    try:
        same = json.loads(out.read_text(encoding='utf-8'))['info']['grabcut'] == mark
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise UserError(
            f'{out} is there and was not made of these boxes with these settings.',
            fix='another --out-file, or remove it.',
        )

