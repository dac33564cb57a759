"""What the converters share: COCO assembly, outlines of simple shapes, splits, errors and counts."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_plugins.structures import images
from mmseg_plugins.structures.rle import encode_mask, rle_area, rle_box
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError

#: Most points of the outline of a circle or ellipse: one every 2 px up to a radius of 6366 px.
MOST_POINTS = 20000


class CocoBuilder:
    """Collects images and instances and writes them as one COCO JSON.

    Attributes:
        counts: what was written and what was left out, for the closing line.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        double = [name for name, number in Counter(classes).items() if number > 1]
        if double:
            raise UserError(f'class names must be unique, these are not: {double}.', fix='name each once.')
        self.classes = tuple(classes)
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self._names: set[str] = set()

    def add_image(self, file_name: str, height: int, width: int) -> int:
        """Add an image; returns its id."""
        if file_name in self._names:
            raise UserError(
                f'two images are named {file_name!r}.',
                rule='file names are unique.',
                fix='rename or remove one.',
            )
        self._names.add(file_name)
        image_id = len(self.images) + 1
        self.images.append({'id': image_id, 'file_name': file_name, 'height': height, 'width': width})
        return image_id

    def _category(self, name: str) -> int:
        if name not in self.classes:
            raise UserError(f'class {name!r} is not among {self.classes}.', fix='add it to --classes or rename it.')
        return self.classes.index(name) + 1

    def _add(self, image_id: int, name: str, box: Sequence[float], area: float, segmentation: Any) -> None:
        self.annotations.append({
            'id': len(self.annotations) + 1,
            'image_id': image_id,
            'category_id': self._category(name),
            'bbox': box,
            'area': area,
            'iscrowd': 0,
            'segmentation': segmentation,
        })  # fmt: skip

    def add_mask(self, image_id: int, name: str, mask: np.ndarray) -> None:
        """Add an instance by its mask (H, W), kept exactly as an RLE; an empty mask is counted and left out."""
        self.add_rle(image_id, name, encode_mask(mask))

    def add_rle(self, image_id: int, name: str, rle: dict[str, Any]) -> None:
        """Add an instance by the sound RLE of its mask; an empty one is counted and left out."""
        area = rle_area(rle)
        if area:
            self._add(image_id, name, rle_box(rle), area, rle)
        else:
            self.counts['empty masks left out'] += 1

    def add_polygons(self, image_id: int, name: str, polygons: Sequence[np.ndarray]) -> None:
        """Add an instance by the outlines (P, 2) of its parts, x y in pixels; points outside the image are pulled in.

        Parts with fewer than 3 points or no area are counted and left out.
        """
        image = self.images[image_id - 1]
        parts = clean_outlines(polygons, image['height'], image['width'], self.counts)
        if not parts:
            return
        corners = np.concatenate(parts)
        low, high = corners.min(axis=0), corners.max(axis=0)
        box = [round(float(v), 2) for v in (*low, *(high - low))]
        segmentation = [[round(float(v), 2) for v in points.ravel()] for points in parts]
        self._add(image_id, name, box, round(sum(polygon_area(points) for points in parts), 2), segmentation)

    def save(self, path: Path) -> None:
        """Write the JSON and its folder."""
        categories = [{'id': i, 'name': name} for i, name in enumerate(self.classes, start=1)]
        # info and licenses hold nothing here; some readers of COCO files ask for the keys.
        content = {'info': {}, 'licenses': [], 'images': self.images, 'annotations': self.annotations,
                   'categories': categories}
        atomic_write_bytes(str(path), (json.dumps(content, ensure_ascii=False, separators=(',', ':')) + '\n').encode())

    def summary(self) -> str:
        """``12 images, 340 instances`` and what was left out."""
        left_out = ''.join(f', {number} {what}' for what, number in self.counts.items())
        return f'{len(self.images)} images, {len(self.annotations)} instances of {len(self.classes)} classes{left_out}'


def clean_outlines(
    outlines: Sequence[np.ndarray], height: int, width: int, counts: Counter[str]
) -> list[np.ndarray]:
    """Outlines (P, 2) with their points pulled into the image; those of no area are counted and left out."""
    parts = []
    for outline in outlines:
        points = np.clip(np.asarray(outline, float), 0, [width, height])
        if len(points) < 3 or polygon_area(points) <= 0:
            counts['polygons without area left out'] += 1
        else:
            parts.append(points)
    return parts


def polygon_area(points: np.ndarray) -> float:
    """Area in square pixels of an outline (P, 2), by the shoelace formula."""
    x, y = points[:, 0], points[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def ellipse_outline(cx: float, cy: float, rx: float, ry: float, theta: float = 0.0) -> np.ndarray:
    """Outline (P, 2) of an ellipse turned by ``theta`` radians, a point every 2 pixels of its longer arc."""
    if rx <= 0 or ry <= 0:
        return np.zeros((0, 2))
    count = math.ceil(min(max(16, math.pi * max(rx, ry)), MOST_POINTS))
    t = np.arange(count) * (2 * math.pi / count)
    x, y = rx * np.cos(t), ry * np.sin(t)
    c, s = math.cos(theta), math.sin(theta)
    return np.stack([cx + c * x - s * y, cy + s * x + c * y], axis=1)


def rectangle_outline(x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    """Outline (4, 2) of a rectangle given by two opposite corners."""
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], float)


def read_image(path: Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Decode an image file by OpenCV, whatever characters its path has.

    Raises:
        UserError: missing or undecodable.
    """
    if not path.is_file():
        raise UserError(f'{path} does not exist.', fix='complete the download, or correct the path.')
    image = images.decode_file(path, flags)
    if image is None:
        raise UserError(f'{path} cannot be decoded as an image.', fix='copy it again, or remove it.')
    return image


def read_json_object(path: Path) -> dict[str, Any]:
    """A JSON file that must hold an object; UserError with line and column otherwise."""
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise UserError(f'{path} does not exist.', fix='correct the path.') from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f'{path} is not valid JSON: {error}.', fix='export it again.') from error
    if not isinstance(content, dict):
        raise UserError(f'{path} holds a {type(content).__name__}, not an object.', fix='is it the right file?')
    return content


def require_folder(path: Path, layout: str) -> None:
    """UserError unless ``path`` is a folder; ``layout`` is what was expected, in words."""
    if not path.is_dir():
        raise UserError(f'{path} is no folder.', rule=f'the layout is {layout}.', fix='correct the path.')


def split_names(
    names: Sequence[str],
    val_fraction: float,
    seed: int,
    stratum: Callable[[str], Hashable] | Mapping[str, Hashable] | None = None,
) -> tuple[list[str], list[str]]:
    """Sorted (train, val) names; the same names and seed give the same split on every machine.

    Args:
        val_fraction: 0 <= f < 1, rounded to whole images.
        stratum: what must be represented alike in both, None splits at random.
    """
    if not 0 <= val_fraction < 1:
        raise UserError(f'the validation fraction must be at least 0 and below 1, got {val_fraction}')
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        key: Hashable = None
        if stratum is not None:
            key = stratum[name] if isinstance(stratum, Mapping) else stratum(name)
        groups[repr(key)].append(name)
    rng = np.random.default_rng(seed)
    # Evenly spaced places of the strata laid end to end: the right total, and each stratum's share of it.
    ordered = [group[i] for _, group in sorted(groups.items()) for i in rng.permutation(len(group))]
    wanted = round(val_fraction * len(ordered))
    val = {ordered[(2 * i + 1) * len(ordered) // (2 * wanted)] for i in range(wanted)}
    return [name for name in sorted(names) if name not in val], sorted(val)
