"""Masks for all boxes of a file, by GrabCut: a job that can be killed and goes on where it stood."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.data_prep.box_files import BoxSet
from mmseg_plugins.data_prep.mask_job import check_size, write_masks
from mmseg_plugins.data_prep.strokes import Strokes
from mmseg_plugins.models.classical.grabcut import (
    BACKGROUND,
    OBJECT,
    GrabCutOptions,
    grabcut,
    grabcut_strokes,
    pixel_box,
)
from mmseg_plugins.structures.images import read_image
from mmseg_plugins.structures.masks import coco_box, mask_box, mask_polygons
from mmseg_plugins.structures.rle import as_rle, check_polygons, check_rle, decode_rle, encode_mask, short_polygons
from mmseg_plugins.utils.errors import UserError

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
        scribbles: Strokes on the n-th object of the image (in the file's order, from 1) and on the background: a folder
            or a file, see :mod:`mmseg_plugins.data_prep.strokes`.
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
    settings = asdict(job)
    if job.scribbles is not None:
        settings['scribbles'] = os.path.abspath(job.scribbles)
    strokes = None if job.scribbles is None else Strokes(Path(job.scribbles))
    if strokes is not None and strokes.drawn is not None:
        settings['strokes'] = strokes.drawn
    return write_masks(boxes, image_dir, out, 'grabcut', settings,
                       lambda image, annotations: masks_of_image(image, annotations, image_dir, job, strokes))


def masks_of_image(image: Mapping[str, Any], annotations: list[dict[str, Any]], image_dir: Path, job: MaskJob,
                   strokes: Strokes | None = None) -> tuple[list[dict[str, Any]], dict[str, int]]:
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
    check_size(image, pixels, path)
    height, width = pixels.shape[:2]
    drawn = None if strokes is None else strokes.numbers(image['file_name'], (height, width))
    if drawn is not None and all('stroke' in ann for ann in annotations):
        return _from_strokes(pixels, annotations, drawn, job)
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


def _from_strokes(pixels: np.ndarray, annotations: list[dict[str, Any]], drawn: np.ndarray,
                  job: MaskJob) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Masks of objects that have strokes and no boxes; the strokes of other objects are background."""
    made = []
    for ann in annotations:
        number = ann['stroke']
        scribbles = np.where(drawn == number, OBJECT, np.where(drawn > 0, BACKGROUND, 0))
        mask = grabcut_strokes(pixels, scribbles, job.grabcut)
        kept = {key: value for key, value in ann.items() if key != 'stroke'}
        made.append(_with_mask({**kept, 'bbox': coco_box(mask)}, mask, job))
    return made, {BY_GRABCUT: len(made)}


def existing_mask(segmentation: Any, height: int, width: int) -> np.ndarray | None:
    """The mask (H, W) bool of COCO polygons or an RLE; None where there is none, or an unsound one."""
    if isinstance(segmentation, dict):
        return None if check_rle(segmentation, height, width) else decode_rle(segmentation).astype(bool)
    if not segmentation or check_polygons(segmentation, height, width):
        return None
    short = short_polygons(segmentation)
    polygons = [polygon for index, polygon in enumerate(segmentation) if index not in short]
    return decode_rle(as_rle(polygons, height, width)).astype(bool) if polygons else None


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
