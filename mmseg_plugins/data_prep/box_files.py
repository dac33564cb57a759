"""Boxes of objects as they come in files: COCO annotations, or a detector's COCO results."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_plugins.data_check.coco_structure import read_json, structure_problems
from mmseg_plugins.utils.errors import UserError

FORMATS = ('xywh', 'xyxy')
TOO_MANY = 0.2  # share of boxes that must not lie outside their image


@dataclass(frozen=True)
class BoxSet:
    """Boxes of a set of images.

    Attributes:
        images: COCO's, each with ``id``, ``file_name`` and, mostly, ``height`` and ``width``.
        annotations: COCO's, with ``id``, ``image_id``, ``category_id`` and ``bbox`` as x, y, width, height in px.
        categories: COCO's.
        left_out: Annotations below the least score.
    """

    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    categories: list[dict[str, Any]]
    left_out: int = 0

    def of_image(self) -> dict[Any, list[dict[str, Any]]]:
        """Annotations by the id of their image."""
        result: dict[Any, list[dict[str, Any]]] = {image['id']: [] for image in self.images}
        for ann in self.annotations:
            result[ann['image_id']].append(ann)
        return result


def read_boxes(path: Path, images: Path | None = None, score_thr: float = 0.0, box_format: str = 'xywh') -> BoxSet:
    """Read a COCO file, or a list of COCO results.

    Args:
        path: ``instances_*.json``, or ``predictions.json`` of ``predict`` (any list of results with ``bbox``).
        images: For results, the COCO file that says which image and class an id means; by default ``images.json``
            next to ``path``, where ``predict`` writes it.
        score_thr: Least score, where there are scores.
        box_format: ``'xywh'``, COCO's, or ``'xyxy'`` for files that hold two corners.

    Raises:
        UserError: not such a file; ids that belong to no image; boxes that are not in the format.
    """
    if box_format not in FORMATS:
        raise UserError(f'box format {box_format!r}: it must be one of {FORMATS}')
    content = _read(path)
    annotations: Any
    needed: tuple[str, ...]
    if isinstance(content, list):
        index = images or path.with_name('images.json')
        if not index.is_file():
            raise UserError(
                f'{path} is a list of results, which says nothing about its images.',
                rule=f'a COCO file names them; {index} does not exist.',
                fix='--image-list FILE',
            )
        head, annotations = _read(index), content
        needed = ('image_id', 'category_id', 'bbox')
    else:
        head, annotations = content, content.get('annotations') if isinstance(content, dict) else None
        needed = ('id', 'image_id', 'category_id', 'bbox')
    problems = structure_problems(head, needs_annotations=not isinstance(content, list))
    if problems:
        raise UserError(f'{path}: ' + '\n'.join(problems))
    assert annotations is not None
    _check_entries(path, head['images'], annotations, needed)
    kept = [_annotation(i, ann, box_format) for i, ann in enumerate(annotations, start=1)
            if float(ann.get('score', math.inf)) >= score_thr]
    _check_format(path, head['images'], kept, box_format)
    return BoxSet(head['images'], kept, head['categories'], len(annotations) - len(kept))


def _read(path: Path) -> Any:
    content, problem = read_json(path)
    if problem:
        raise UserError(problem)
    return content


def _annotation(number: int, ann: Mapping[str, Any], box_format: str) -> dict[str, Any]:
    x, y, w, h = (float(value) for value in ann['bbox'])
    if box_format == 'xyxy':
        w, h = w - x, h - y
    box = [int(value) if float(value).is_integer() else value for value in (x, y, w, h)]
    return {'id': number, 'iscrowd': 0, **ann, 'bbox': box}


def _check_entries(path: Path, images: Sequence[Any], annotations: Sequence[Any], needed: Sequence[str]) -> None:
    """UserError for entries that lack something, or belong to no image."""
    for image in images:
        if not isinstance(image, dict) or 'id' not in image or 'file_name' not in image:
            raise UserError(f'{path}: an image is {image!r:.80}.', rule='it has id and file_name.', fix='add them.')
    ids = {image['id'] for image in images}
    double = [key for key, count in Counter(image['id'] for image in images).items() if count > 1]
    if double:
        raise UserError(f'{path}: {len(double)} image ids are there twice, {double[:3]}.', fix='number them anew.')
    for i, ann in enumerate(annotations):
        missing = [key for key in needed if key not in ann] if isinstance(ann, dict) else list(needed)
        if missing:
            raise UserError(
                f'{path}: entry {i} has no {", ".join(missing)}: {json.dumps(ann)[:80]}.',
                rule='masks are made of boxes.',
                fix='is it a file of boxes?',
            )
        box = ann['bbox']
        if not isinstance(box, list) or len(box) != 4 or not all(isinstance(v, (int, float)) for v in box):
            raise UserError(f'{path}: entry {i} has the bbox {box!r:.80}.', rule='four numbers.', fix='correct it.')
    lost = sorted({str(ann['image_id']) for ann in annotations if ann['image_id'] not in ids})
    if lost:
        raise UserError(
            f'{path}: boxes of {len(lost)} images that are not in the list of images, {lost[:3]}.',
            fix='name the list that belongs to these results (--image-list).',
        )


def _check_format(path: Path, images: Sequence[Mapping[str, Any]], annotations: Sequence[Mapping[str, Any]],
                  box_format: str) -> None:
    """UserError where so many boxes leave their image, or have no area, that they must be meant otherwise."""
    sizes = {image['id']: (image['width'], image['height']) for image in images
             if 'width' in image and 'height' in image}
    boxes = [(ann['bbox'], sizes[ann['image_id']]) for ann in annotations if ann['image_id'] in sizes]
    outside = sum(x + w > 1.02 * width + 2 or y + h > 1.02 * height + 2 for (x, y, w, h), (width, height) in boxes)
    negative = sum(ann['bbox'][2] < 0 or ann['bbox'][3] < 0 for ann in annotations)
    wrong, what = (negative, 'end before they begin') if box_format == 'xyxy' else (outside, 'reach out of their image')
    total = len(annotations) if box_format == 'xyxy' else len(boxes)
    if wrong > TOO_MANY * total:
        other = FORMATS[1 - FORMATS.index(box_format)]
        raise UserError(
            f'{path}: {wrong} of {total} boxes {what} when read as {box_format}.',
            fix=f'--box-format {other} if they are meant so, or the boxes of these images.',
        )
