"""Masks for people who click once on each object: clicks in a file become a COCO data set, by watershed.

Formats: CSV with the columns file_name, x, y and, if there are several classes, category; or JSON, a list of objects
with these keys.  x and y are px of the image, x to the right: the pixel of column 5 and row 3 is 5.0 <= x < 6,
3.0 <= y < 4.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.data_prep.box_files import BoxSet
from mmseg_plugins.data_prep.mask_job import check_size, write_masks
from mmseg_plugins.models.classical.clicks import watershed_from_clicks
from mmseg_plugins.structures.image_headers import read_header
from mmseg_plugins.structures.images import IMAGE_SUFFIXES, read_image
from mmseg_plugins.structures.masks import coco_box, mask_polygons
from mmseg_plugins.structures.rle import encode_mask
from mmseg_plugins.utils.errors import UserError

KEYS = ('file_name', 'x', 'y')
ONE_CLASS = 'object'  # the category of clicks that name none
MADE, COVERED = 'masks by watershed', 'clicks covered by others left out'
OUTSIDE, DAMAGED = 'clicks outside their image left out', 'images that cannot be read'


@dataclass(frozen=True)
class ClickJob:
    """What is made of the clicks.

    Attributes:
        channel, sigma, radius, band: As of :func:`~mmseg_plugins.models.classical.clicks.watershed_from_clicks`.
        polygons: Write outlines instead of RLE.
    """

    channel: str = 'gray'
    sigma: float = 0.5
    radius: int = 1
    band: int = 6
    polygons: bool = False


def read_clicks(path: Path, image_dir: Path) -> BoxSet:
    """Clicks as annotations: ``bbox`` is the pixel of the click until the mask is known.

    Images without a click have no entry: nobody looked at them.

    Raises:
        UserError: no such file or folder; an entry without a key or with a wrong value; an image that is not there.
    """
    if not path.is_file():
        raise UserError(f'the file of clicks {path} does not exist.', fix='correct the path.')
    if not image_dir.is_dir():
        raise UserError(f'the folder of images {image_dir} does not exist.', fix='correct --images.')
    entries = _entries(path)
    names = sorted({str(entry.get('category') or ONE_CLASS) for entry in entries})
    ids = {name: number for number, name in enumerate(dict.fromkeys(entry['file_name'] for entry in entries), 1)}
    images = [_image(number, name, image_dir) for name, number in ids.items()]
    annotations = [dict(id=number, image_id=ids[entry['file_name']], iscrowd=0, bbox=[entry['x'], entry['y'], 1, 1],
                        category_id=names.index(str(entry.get('category') or ONE_CLASS)) + 1)
                   for number, entry in enumerate(entries, 1)]
    return BoxSet(images, annotations, [dict(id=number, name=name) for number, name in enumerate(names, 1)])


def clicks_to_masks(clicks: BoxSet, image_dir: Path, out: Path, job: ClickJob | None = None) -> Counter[str] | None:
    """Write ``out``, a COCO file with a mask for each click; None if it was there already, else what was counted.

    Raises:
        UserError: as of :func:`~mmseg_plugins.data_prep.mask_job.write_masks`.
    """
    job = job or ClickJob()
    return write_masks(clicks, image_dir, out, 'click', asdict(job),
                       lambda image, annotations: _masks_of_image(image, annotations, image_dir, job))


def _masks_of_image(image: Mapping[str, Any], annotations: list[dict[str, Any]], image_dir: Path,
                    job: ClickJob) -> tuple[list[dict[str, Any]], dict[str, int]]:
    path = image_dir / image['file_name']
    try:
        pixels = read_image(path)
    except UserError:
        return [], {DAMAGED: 1}
    check_size(image, pixels, path)
    height, width = pixels.shape[:2]
    inside = [ann for ann in annotations if 0 <= ann['bbox'][0] < width and 0 <= ann['bbox'][1] < height]
    counts: Counter[str] = Counter({OUTSIDE: len(annotations) - len(inside)})
    labels = watershed_from_clicks(pixels, [ann['bbox'][:2] for ann in inside], channel=job.channel, sigma=job.sigma,
                                   radius=job.radius, band=job.band)
    made = []
    for number, ann in enumerate(inside, 1):
        mask = labels == number
        if not mask.any():
            counts[COVERED] += 1
            continue
        counts[MADE] += 1
        made.append({**ann, 'bbox': coco_box(mask), 'area': int(np.count_nonzero(mask)),
                     'segmentation': mask_polygons(mask) if job.polygons else encode_mask(mask)})
    return made, {key: value for key, value in counts.items() if value}


def _image(number: int, name: str, image_dir: Path) -> dict[str, Any]:
    try:
        header = read_header(image_dir / name)
    except OSError as error:
        raise UserError(f'image {image_dir / name} of the clicks cannot be read: {error}.',
                        rule='file_name is relative to --images.',
                        fix='correct --images, or the file of clicks.') from error
    return dict(id=number, file_name=name, height=header.height, width=header.width)


def _entries(path: Path) -> list[dict[str, Any]]:
    """Clicks in the order of the file, with x and y as numbers."""
    text = path.read_text(encoding='utf-8-sig')
    if path.suffix.lower() == '.json':
        try:
            found = json.loads(text)
        except ValueError as error:
            raise UserError(f'{path} is no JSON: {error}.', fix='correct the file.') from error
    else:
        found = list(csv.DictReader(io.StringIO(text)))
    if not isinstance(found, list) or not found:
        raise UserError(f'{path} holds no clicks.', rule=f'a list of entries with {", ".join(KEYS)}.',
                        fix='write one entry for each object.')
    return [_entry(path, number, entry) for number, entry in enumerate(found, 1)]


def _entry(path: Path, number: int, entry: Any) -> dict[str, Any]:
    missing = [key for key in KEYS if entry.get(key) in (None, '')] if isinstance(entry, dict) else list(KEYS)
    if missing:
        raise UserError(f'{path}: click {number} has no {", ".join(missing)}: {entry!r:.80}.',
                        rule=f'columns or keys {", ".join(KEYS)} and, if you like, category.', fix='add them.')
    try:
        x, y = float(entry['x']), float(entry['y'])
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ValueError
    except (TypeError, ValueError):
        raise UserError(f'{path}: click {number} lies at x={entry["x"]!r}, y={entry["y"]!r}.',
                        rule='numbers, in px of the image.', fix='correct them.') from None
    name = str(entry['file_name'])
    if Path(name).suffix.lower() not in IMAGE_SUFFIXES:
        raise UserError(f'{path}: click {number} has file_name {name!r}.',
                        rule=f'an image: {", ".join(IMAGE_SUFFIXES)}.', fix='correct it.')
    return {**entry, 'file_name': name, 'x': x, 'y': y}
