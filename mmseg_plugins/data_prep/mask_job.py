"""A job that writes a COCO file with a mask for each annotation: it can be killed and goes on where it stood."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.data_prep.box_files import BoxSet
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track

#: One image's entry and its annotations -> those annotations with masks, and what was counted.
MakeMasks = Callable[[Mapping[str, Any], list[dict[str, Any]]], tuple[list[dict[str, Any]], dict[str, int]]]


def write_masks(objects: BoxSet, image_dir: Path, out: Path, tool: str, settings: Any,
                make: MakeMasks) -> Counter[str] | None:
    """Write ``out``, a COCO file with what ``make`` makes of each image; None if it was there already.

    Finished images are noted in ``out`` + ``.part``; the same call after a kill continues there, with the same result.

    Args:
        objects: Images, annotations and categories.
        tool: Name of the command, for the progress bar, and for the mark in the file's ``info``.
        settings: What else the result depends on, as JSON has it.

    Returns:
        What was counted.

    Raises:
        UserError: no image is where it should be; ``out`` or its notes belong to other input or settings.
    """
    mark = fingerprint([settings, objects.images, objects.annotations, objects.categories])
    if out.is_file():
        _check_same(out, tool, mark)
        return None
    look_for_images(objects.images, image_dir)
    notes = Notes(out.with_name(out.name + '.part'), tool, mark)
    of_image = objects.of_image()
    todo = [image for image in objects.images if image['id'] not in notes.done]
    with notes:
        for image in track(todo, description=tool):
            annotations, counts = make(image, of_image[image['id']])
            notes.add(image['id'], annotations, counts)
    made = [ann for image in objects.images for ann in notes.done[image['id']][0]]
    order = {ann['id']: i for i, ann in enumerate(objects.annotations)}
    made.sort(key=lambda ann: order[ann['id']])
    total = sum((Counter(counted) for _, counted in notes.done.values()), Counter())
    content = {'info': {tool: mark}, 'images': objects.images, 'annotations': made, 'categories': objects.categories}
    atomic_write_bytes(str(out), (json.dumps(content, ensure_ascii=False, separators=(',', ':')) + '\n').encode())
    notes.path.unlink()
    return total


def fingerprint(parts: Iterable[Any]) -> str:
    """Hash of values as JSON has them."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(json.dumps(part, sort_keys=True).encode())
    return digest.hexdigest()[:16]


class Notes:
    """Finished images as lines of a file; a line that a kill cut off is dropped.

    Args:
        path: The file.
        tool: Name of the command.
        mark: What input and settings it is for.

    Raises:
        UserError: the file is there, for another job.
    """

    def __init__(self, path: Path, tool: str, mark: str) -> None:
        self.path = path
        self.done: dict[Any, tuple[list[dict[str, Any]], dict[str, int]]] = {}
        self._stream: Any = None
        self._good = 0
        data = path.read_bytes() if path.is_file() else b''
        lines = data.split(b'\n')[:-1]  # the last is not finished
        if lines and json.loads(lines[0]) != {tool: mark}:
            raise UserError(
                f'{path} belongs to other input or settings.',
                rule='a job goes on with what it began.',
                fix='remove it to begin anew, or name another --out-file.',
            )
        for line in lines[1:]:
            image_id, annotations, counts = json.loads(line)
            self.done[image_id] = annotations, counts
        self._good = sum(len(line) + 1 for line in lines)
        self._head = b'' if lines else json.dumps({tool: mark}).encode() + b'\n'

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


def check_size(image: Mapping[str, Any], pixels: np.ndarray, path: Path) -> None:
    """UserError where an image has another size than its entry says."""
    stated = (image.get('height', pixels.shape[0]), image.get('width', pixels.shape[1]))
    if stated != pixels.shape[:2]:
        raise UserError(
            f'{path} has {pixels.shape[0]} x {pixels.shape[1]} px, the annotations say {stated[0]} x {stated[1]}.',
            rule='annotations are in px of the image.',
            fix='the images that they were drawn on (not resized or turned ones).',
        )


def look_for_images(images: Sequence[Mapping[str, Any]], image_dir: Path) -> None:
    """UserError where no image is in the folder."""
    names = [image['file_name'] for image in images]
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


def _check_same(out: Path, tool: str, mark: str) -> None:
    """UserError unless ``out`` is this job's own result."""
    try:
        same = json.loads(out.read_text(encoding='utf-8'))['info'][tool] == mark
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise UserError(
            f'{out} is there and was not made of this input with these settings.',
            fix='another --out-file, or remove it.',
        )
