"""Strokes drawn on objects and on the background, as PNG files or as JSON.

A folder of PNG files named as the images: 0 nothing, n the n-th object of the image, the largest value of the type
(255, 65535) background.  Or one JSON file::

    {"photo.jpg": [{"object": 1, "points": [[40, 31], [52, 36]], "width": 3, "category": "car"},
                   {"object": "background", "points": [[5, 5], [90, 5]]}]}

Points are pixels x, y, joined by lines ``width`` px wide (3 by default).  ``category`` counts where there are no boxes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_plugins.data_prep.box_files import BoxSet
from mmseg_plugins.structures.image_headers import read_header
from mmseg_plugins.structures.images import decode_file, list_images
from mmseg_plugins.utils.errors import UserError

BACKGROUND_NUMBER = 65535
ONE_CLASS = 'object'


class Strokes:
    """Strokes of a set of images.

    Args:
        source: A folder of PNG files, or a JSON file.

    Raises:
        UserError: neither of both, or a JSON file of another form.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        if not source.exists():
            what = 'the file' if source.suffix else 'the folder'
            raise UserError(f'{what} of scribbles {source} does not exist.', fix='correct --scribbles.')
        self.drawn: dict[str, Any] | None = None if source.is_dir() else _read(source)

    def numbers(self, file_name: str, size: tuple[int, int]) -> np.ndarray | None:
        """(H, W) int64: 0 nothing, n the n-th object, a number that no object has for background; None for no strokes.

        Raises:
            UserError: a PNG of another size or with colors.
        """
        if self.drawn is None:
            return _from_png((self.source / file_name).with_suffix('.png'), size)
        if file_name not in self.drawn:
            return None
        canvas = np.zeros(size, np.int32)
        for stroke in self.drawn[file_name]:
            number = BACKGROUND_NUMBER if stroke['object'] == 'background' else stroke['object']
            points = np.round(np.array(stroke['points'], float)).astype(np.int32).reshape(-1, 1, 2)
            cv2.polylines(canvas, [points], False, number, int(stroke.get('width', 3)))
        return canvas.astype(np.int64)

    def objects(self, image_dir: Path) -> BoxSet:
        """The objects that the strokes name, as annotations without ``bbox``, image by image.

        Raises:
            UserError: there are no strokes, or an image of theirs is not there.
        """
        names = list(self.drawn) if self.drawn is not None else [
            path.relative_to(image_dir).as_posix() for path in list_images(image_dir)
            if (self.source / path.relative_to(image_dir)).with_suffix('.png').is_file()]
        if not names:
            raise UserError(f'{self.source} holds no strokes on images of {image_dir}.',
                            rule='a PNG has the name of its image.', fix='correct --scribbles or --images.')
        images, found = [], []
        for number, name in enumerate(names, 1):
            try:
                header = read_header(image_dir / name)
            except OSError as error:
                raise UserError(f'image {image_dir / name} of the strokes cannot be read: {error}.',
                                fix='correct --images, or the name in the strokes.') from error
            images.append(dict(id=number, file_name=name, height=header.height, width=header.width))
            drawn = self.numbers(name, (header.height, header.width))
            numbers = [] if drawn is None else sorted(set(np.unique(drawn).tolist()) - {0, 255, BACKGROUND_NUMBER})
            found += [(number, one, self._category(name, one)) for one in numbers]
        classes = sorted({category for *_, category in found})
        annotations = [dict(id=place, image_id=image, iscrowd=0, stroke=one, category_id=classes.index(category) + 1)
                       for place, (image, one, category) in enumerate(found, 1)]
        return BoxSet(images, annotations, [dict(id=number, name=name) for number, name in enumerate(classes, 1)])

    def _category(self, name: str, number: int) -> str:
        strokes = [] if self.drawn is None else self.drawn[name]
        return next((str(one['category']) for one in strokes if one['object'] == number and one.get('category')),
                    ONE_CLASS)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding='utf-8-sig'))
    except ValueError as error:
        raise UserError(f'{path} is no JSON: {error}.', fix='a folder of PNG files, or a JSON file.') from error
    for name, strokes in content.items() if isinstance(content, dict) else [(None, None)]:
        for number, stroke in enumerate(strokes if isinstance(strokes, list) else [None], 1):
            if not _is_sound(stroke):
                raise UserError(
                    f'{path}: stroke {number} of {name!r} is {stroke!r:.80}.',
                    rule='"object" is a number from 1 to 254 or "background", "points" a list of x, y.',
                    fix='write {"photo.jpg": [{"object": 1, "points": [[40, 31], [52, 36]]}]}.',
                )
    return dict(content)


def _is_sound(stroke: Any) -> bool:
    if not isinstance(stroke, Mapping) or not isinstance(stroke.get('points'), list) or not stroke['points']:
        return False
    name = stroke.get('object')
    named = name == 'background' or (isinstance(name, int) and not isinstance(name, bool) and 1 <= name <= 254)
    width = stroke.get('width', 3)
    return bool(named and isinstance(width, int) and width >= 1 and all(
        isinstance(point, list) and len(point) == 2 and all(isinstance(value, (int, float)) for value in point)
        for point in stroke['points']))


def _from_png(path: Path, size: tuple[int, int]) -> np.ndarray | None:
    if not path.is_file():
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
