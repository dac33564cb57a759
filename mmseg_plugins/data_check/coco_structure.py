"""Form of a COCO annotation file: JSON, keys, and classes against categories."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from mmseg_plugins.utils.suggest import did_you_mean, what_is_there


def read_json(path: Path) -> tuple[Any, str | None]:
    """Content of a JSON file, and why it has none (missing, not UTF-8, malformed with line and column)."""
    try:
        with open(path, encoding='utf-8') as stream:
            return json.load(stream), None
    except FileNotFoundError:
        return (
            None,
            f'the annotation file {path} does not exist. {what_is_there(path, folders=False)} '
            'Fix: correct ann_file or data_root.',
        )
    except IsADirectoryError:
        return None, f'the annotation file {path} is a folder. Fix: name the JSON file in it.'
    except json.JSONDecodeError as error:
        return (
            None,
            f'{path} is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno}). '
            'Fix: export it again (was the copy cut off?) or correct that place.',
        )
    except UnicodeDecodeError as error:
        return None, f'{path} is not UTF-8 text (byte {error.start}). Fix: save it as UTF-8.'
    except (OSError, RecursionError) as error:
        return None, f'{path} cannot be read: {error}. Fix: check the file and its permissions.'


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
    return isinstance(item, dict) and isinstance(item.get('id'), (int, str)) and isinstance(item.get('name'), str)


def class_problems(categories: Sequence[Any], classes: Sequence[str]) -> list[str]:
    """Why configured classes do not fit the JSON's categories, the order included.

    mmdet numbers the labels in the order of the JSON's ``categories``; the
    names shown for them come from ``classes`` in the config's order.
    """
    if not all(is_category(item) for item in categories):
        return ['every category needs a number "id" and a text "name". Fix: write them.']
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
    if unknown:
        wrong = ', '.join(f'{name!r}{did_you_mean(str(name), map(str, names))}' for name in unknown)
        problems.append(
            f'classes that are no category of the JSON: {wrong}. The categories are {shorten(names)}. Rule: each '
            'class must be a category of the same name, or labels shift. Fix: write the names as in the JSON, or '
            'leave classes out to take them from it.'
        )
    elif not problems:
        order = tuple(name for name in names if name in set(classes))
        if order != tuple(classes):
            problems.append(
                f"classes are in the order {shorten(classes)}, mmdet numbers labels in the order of the JSON's "
                'categories: every per-class number and drawn name would belong to another class. '
                f'Fix: classes = {order!r}'
            )
    return problems


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
    if not isinstance(image['id'], (int, str)):
        return f'id {image["id"]!r} is neither a number nor a text'
    if not isinstance(image['file_name'], str) or not image['file_name']:
        return f'file_name {image["file_name"]!r} is no file name'
    for key in ('height', 'width'):
        if not isinstance(image[key], (int, float)) or not image[key] > 0:
            return f'{key} {image[key]!r} is no positive number'
    return None


def annotation_key_problem(ann: Any) -> tuple[str, str] | None:
    """Kind and detail of what would make mmdet raise on an annotation."""
    if not isinstance(ann, dict):
        return 'missing_key', f'an annotation is a {type(ann).__name__}, not an object'
    missing = [key for key in ('id', 'image_id', 'category_id', 'bbox', 'area') if key not in ann]
    if missing:
        return 'missing_key', f'annotation without {", ".join(missing)}'
    for key in ('id', 'image_id', 'category_id'):
        if not isinstance(ann[key], (int, str)):
            return 'missing_key', f'{key} {ann[key]!r} is neither a number nor a text'
    box = ann['bbox']
    if not isinstance(box, (list, tuple)) or len(box) != 4:
        return 'bad_box', f'bbox {box!r:.60}'
    if not all(isinstance(value, (int, float)) and isfinite(value) for value in box):
        return 'bad_box', f'bbox {box!r:.60}'
    if not isinstance(ann['area'], (int, float)) or not isfinite(ann['area']):
        return 'missing_key', f'area {ann["area"]!r} is no finite number'
    return None
