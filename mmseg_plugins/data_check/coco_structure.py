"""Form of a COCO annotation file: JSON, keys, and classes against categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_plugins.structures.coco_json import read_json_text
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean, near_names

LARGEST_SIDE = 200_000  # pixels; masks beyond it fit into no memory
_LARGEST = 2**53  # of ids and coordinates: evaluators written in C hold them in 64-bit floats
_NUMBERS = (int, float)


def read_json(path: Path) -> tuple[Any, str | None]:
    """Content of a JSON file as it stands, and why it has none; see :func:`read_json_text`."""
    try:
        return read_json_text(path)[0], None
    except UserError as error:
        return None, str(error)


def structure_problems(content: Any, needs_annotations: bool = True) -> list[str]:
    """What keeps a decoded JSON from being a COCO annotation file."""
    if not isinstance(content, dict):
        return [
            f'the JSON holds a {type(content).__name__}, a COCO file is an object with images, annotations '
            'and categories. Fix: mmseg-plugins convert-data.'
        ]
    problems = []
    for key in ('images', 'annotations', 'categories'):
        if key not in content:
            if key == 'annotations' and not needs_annotations:
                continue
            problems.append(
                f'the JSON has no {key!r}, only {sorted(content)}; a COCO file needs images, annotations '
                f'and categories. Fix: add it{did_you_mean(key, content)}.'
            )
        elif not isinstance(content[key], list):
            problems.append(f'{key!r} is a {type(content[key]).__name__}, it must be a list. Fix: write [{{...}}].')
    return problems


def is_category(item: Any) -> bool:
    """Whether an entry of ``categories`` has what mmdet reads."""
    return isinstance(item, dict) and _is_id(item.get('id')) and isinstance(item.get('name'), str)


def _is_id(value: Any) -> bool:
    """A text, or a whole number that evaluators written in C can hold."""
    return isinstance(value, str) or (type(value) is int and abs(value) < _LARGEST)


def mixed_ids(what: str, values: Sequence[Any]) -> list[str]:
    """A sentence when some ids are numbers and others texts, which evaluators cannot sort."""
    kinds = {isinstance(value, str): value for value in values if _is_id(value)}
    if len(kinds) < 2:
        return []
    return [f'{what}: some are numbers ({kinds[False]!r}), some texts ({kinds[True]!r}). Rule: one kind. '
            'Fix: number them again.']


def class_problems(categories: Sequence[Any], classes: Sequence[str]) -> list[str]:
    """Why configured classes do not fit the JSON's categories.

    Labels follow the config's ``classes``; the JSON's categories are matched by name, see ``datasets/coco_api.py``.
    """
    wrong = [item for item in categories if not is_category(item)]
    if wrong:
        return [f'category {wrong[0]!r:.80}: a category has a number "id" and a text "name". Fix: write them.']
    names = [item['name'] for item in categories]
    problems = []
    for what, values in (
        ('category ids', [item['id'] for item in categories]),
        ('category names', names),
        ('classes of the config', list(classes)),
    ):
        double = [value for value, number in Counter(map(str, values)).items() if number > 1]
        if double:
            problems.append(f'{what} must be unique, these are not: {double}. Fix: merge or rename them.')
    unknown = [name for name in classes if name not in names]
    unused = [str(name) for name in names if name not in classes]
    # A file may lack a class: labels are matched by name.  One that all training files lack is found across them.
    if (unknown and len(unknown) == len(classes)) or any(near_names(str(name), unused) for name in unknown):
        shown = ', '.join(f'{name!r}{did_you_mean(str(name), unused)}' for name in unknown)
        problems.append(
            f'classes that are no category of the JSON: {shown}. The categories are {shorten(names)}. Rule: each '
            'class is a category of the same name. Fix: write the names as in the JSON.'
        )
    return problems


def lacking_classes(categories: Sequence[Any], classes: Sequence[str]) -> list[str]:
    """Configured classes that are no category of the JSON."""
    names = {item['name'] for item in categories if is_category(item)}
    return [name for name in classes if name not in names]


def shorten(names: Sequence[Any], most: int = 12) -> str:
    """Names for a message, the rest counted."""
    shown = ', '.join(repr(name) for name in names[:most])
    return f'({shown}, ... {len(names)} in all)' if len(names) > most else f'({shown})'


def image_key_problem(image: Any) -> str | None:
    """Why mmdet could not read an entry of ``images``."""
    if not isinstance(image, dict):
        return f'an image is a {type(image).__name__}, not an object'
    for key in ('id', 'file_name', 'height', 'width'):
        if key not in image:
            return f'image without {key!r}'
    if not _is_id(image['id']):
        return f'id {image["id"]!r:.40} is neither a whole number below 2**53 nor a text'
    if not isinstance(image['file_name'], str) or not image['file_name']:
        return f'file_name {image["file_name"]!r} is no file name'
    for key in ('height', 'width'):
        if type(image[key]) is not int or not 0 < image[key] <= LARGEST_SIDE:
            return f'{key} {image[key]!r:.40} is no whole number in 1..{LARGEST_SIDE}'
    return None


def annotation_key_problem(ann: Any) -> tuple[str, str] | None:
    """Kind and detail of what would make mmdet raise on an annotation."""
    return None if _is_usual(ann) else _key_problem(ann)


def _is_usual(ann: Any) -> bool:
    """Whether all values are of the commonest kinds, asked in few steps: files hold 100,000 annotations and more."""
    try:
        x, y, w, h = ann['bbox']
        return (type(ann['id']) is type(ann['image_id']) is type(ann['category_id']) is int
                and -_LARGEST < ann['id'] < _LARGEST and -_LARGEST < ann['image_id'] < _LARGEST
                and -_LARGEST < ann['category_id'] < _LARGEST
                and type(x) in _NUMBERS and type(y) in _NUMBERS and type(w) in _NUMBERS and type(h) in _NUMBERS
                and -_LARGEST < x < _LARGEST and -_LARGEST < y < _LARGEST and -_LARGEST < w < _LARGEST
                and -_LARGEST < h < _LARGEST and type(ann['area']) in _NUMBERS and -_LARGEST < ann['area'] < _LARGEST
                and ann.get('iscrowd', 0) in (0, 1) and ann.get('ignore', 0) in (0, 1))
    except (TypeError, ValueError, KeyError, AttributeError):
        return False


def _key_problem(ann: Any) -> tuple[str, str] | None:
    if not isinstance(ann, dict):
        return 'missing_key', f'an annotation is a {type(ann).__name__}, not an object'
    missing = [key for key in ('id', 'image_id', 'category_id', 'bbox', 'area') if key not in ann]
    if missing:
        return 'missing_key', f'annotation without {", ".join(missing)}'
    for key in ('id', 'image_id', 'category_id'):
        if not _is_id(ann[key]):
            return 'missing_key', f'{key} {ann[key]!r:.40} is neither a whole number below 2**53 nor a text'
    for key in ('iscrowd', 'ignore'):
        if ann.get(key, 0) not in (0, 1) or isinstance(ann.get(key), (str, list, dict)):
            return 'missing_key', f'{key} {ann[key]!r:.40} is neither 0 nor 1'
    box = ann['bbox']
    if not isinstance(box, (list, tuple)) or len(box) != 4:
        return 'bad_box', f'bbox {box!r:.60}'
    if not all(type(value) in _NUMBERS and abs(value) < _LARGEST for value in box):
        return 'bad_box', f'bbox {box!r:.60}'
    if type(ann['area']) not in _NUMBERS or not abs(ann['area']) < 2**80:
        return 'missing_key', f'area {ann["area"]!r:.40} is no finite number'
    return None
