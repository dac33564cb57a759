"""COCO files as every part of the package reads them: what has one meaning is put into the form of the format.

The data check, the data sets, the metrics and the class names come from :func:`read_coco`, so that what the check
accepts with a note is what training, validation and test see.  A sound file is handed on unchanged.  What has no single
meaning stays as it is, for the data check to name.
"""

from __future__ import annotations

import codecs
import json
import math
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_plugins.structures.coco_values import as_flag, as_number, as_whole, clean_segmentation
from mmseg_plugins.structures.rle import as_rle, check_polygons, check_rle, rle_area, rle_box, short_polygons
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.memory import without_collection
from mmseg_plugins.utils.suggest import what_is_there

_MARKS = (
    (codecs.BOM_UTF8, 'utf-8-sig'), (codecs.BOM_UTF32_LE, 'utf-32'), (codecs.BOM_UTF32_BE, 'utf-32'),
    (codecs.BOM_UTF16_LE, 'utf-16'), (codecs.BOM_UTF16_BE, 'utf-16'),
)  # fmt: skip
_LARGEST_ID = 2**53  # evaluators keep ids of annotations in 64-bit floats


class CocoContent(NamedTuple):
    """What a file holds, and one sentence for each kind of value that was read as another."""

    content: Any
    notes: tuple[str, ...]


class Notes:
    """Counts what was read as something else, with the first example of each kind."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, what: str, place: str, value: Any = '') -> None:
        """One value: the sentence, where it stands, and what stood there."""
        self._counts[what] += 1
        self._first.setdefault(what, place + (f' has {value!r:.60}' if value != '' else ''))

    def texts(self) -> tuple[str, ...]:
        """``3 x iscrowd is read as 0 or 1 (annotation 7 has None)``."""
        return tuple(f'{number} x {what} ({self._first[what]})' for what, number in self._counts.items())


def read_json_text(path: Path) -> tuple[Any, tuple[str, ...]]:
    """A decoded JSON file and notes about its text; byte order marks say the encoding, UTF-8 without one.

    Raises:
        UserError: missing, no text in UTF-8, no JSON, or a key twice in one object with two values.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f'the annotation file {path} does not exist. {what_is_there(path, folders=False)}',
                        fix='correct ann_file or data_root.') from error
    except IsADirectoryError as error:
        raise UserError(f'the annotation file {path} is a folder.', fix='name the JSON file in it.') from error
    except OSError as error:
        raise UserError(f'{path} cannot be read: {error}.', fix='check the file and its permissions.') from error
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), 'utf-8')
    notes = () if encoding == 'utf-8' else (f'the file begins with a byte order mark, it is read as {encoding}',)
    double: list[str] = []
    try:
        with without_collection():
            content = json.loads(data.decode(encoding), object_pairs_hook=_once(double))
    except UnicodeDecodeError as error:
        raise UserError(f'{path} is not {encoding.upper()} text (byte {error.start}: '
                        f'{data[error.start:error.start + 4]!r}).', rule='JSON is UTF-8.', fix='save it as UTF-8.'
                        ) from error
    except json.JSONDecodeError as error:
        raise UserError(
            f'{path} is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno}).',
            fix='export it again (was the copy cut off?) or correct that place.') from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, endless nesting
        raise UserError(f'{path} is no JSON that can be read: {error}.', fix='export it again.') from error
    if double:
        raise UserError(f'{path} has {double[0]} twice in one object, with two values.', rule='a key occurs once.',
                        fix='remove one of them.')
    return content, notes


def _once(double: list[str]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """Makes an object of its pairs; keys that come twice with two values go to ``double``."""
    def make(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            double.extend(f'the key {key!r}' for key, value in pairs if made[key] != value and value == value)
        return made
    return make


def read_coco(path: str | os.PathLike[str]) -> CocoContent:
    """A COCO file (instances or panoptic) with its values in the form of the format, and notes of what was changed.

    Null stands for 0 in ``iscrowd``, 256.0 for 256, a text of digits for the number, one polygon for a list of one,
    ``[[x, y], ...]`` for ``[x, y, ...]``; annotations are numbered anew where their ids are no whole numbers above 0;
    ``iscrowd``, ``area`` and ``bbox`` that are absent follow from the rest.

    Raises:
        UserError: see :func:`read_json_text`.
    """
    content, notes = read_json_text(Path(path))
    return CocoContent(content, notes + normalize(content))


def normalize(content: Any) -> tuple[str, ...]:
    """Change a decoded COCO file in place, see :func:`read_coco`; returns the notes.  Again changes nothing."""
    if not isinstance(content, dict):
        return ()
    notes = Notes()
    with without_collection():
        _normalize(content, notes)
    return notes.texts()


def _normalize(content: dict[str, Any], notes: Notes) -> None:
    images, categories, annotations = (
        [item for item in content.get(key) or () if isinstance(item, dict)] if isinstance(content.get(key), list)
        else [] for key in ('images', 'categories', 'annotations'))
    for image in images:
        _sides(image, notes)
    image_ids, category_ids = _own_ids(images, 'image', notes), _own_ids(categories, 'category', notes)
    for category in categories:
        if isinstance(category.get('name'), (int, float)) and not isinstance(category['name'], bool):
            notes.add('a category name is read as text', f'category {category.get("id")!r}', category['name'])
            category['name'] = str(category['name'])
        if isinstance(category.get('name'), str) and not unicodedata.is_normalized('NFC', category['name']):
            notes.add('a category name is read with composed accents', f'category {category.get("id")!r}',
                      category['name'])
            category['name'] = unicodedata.normalize('NFC', category['name'])
        thing = as_flag(category['isthing']) if 'isthing' in category else None
        if thing is not None and type(category['isthing']) is not int:
            notes.add('isthing is read as 0 or 1', f'category {category.get("id")!r}', category['isthing'])
            category['isthing'] = thing
    sizes = {image['id']: image for image in images if isinstance(image.get('id'), (int, str))}
    for ann in annotations:
        _reference(ann, 'image_id', image_ids, notes)
        for item in ann['segments_info'] if isinstance(ann.get('segments_info'), list) else (ann,):
            if isinstance(item, dict) and 'category_id' in item:
                if item is not ann and type(item.get('id')) in (str, float) and as_whole(item['id']) is not None:
                    place = f'image {ann.get("image_id")!r}'
                    notes.add('the id of a segment is read as a whole number', place, item['id'])
                    item['id'] = as_whole(item['id'])
                owner = ann.get('image_id')
                _annotation(item, sizes.get(owner) if isinstance(owner, (int, str)) else None, category_ids, notes)
    objects = [ann for ann in annotations if 'category_id' in ann and 'segments_info' not in ann]
    if len(objects) == len(annotations):
        _number(objects, notes)


def _sides(image: dict[str, Any], notes: Notes) -> None:
    for key in ('height', 'width'):
        value = image.get(key)
        if type(value) is not int and (side := as_whole(value)) is not None:
            notes.add(f'{key} of an image is read as a whole number', f'image {image.get("id")!r}', value)
            image[key] = side


def _own_ids(items: Sequence[dict[str, Any]], kind: str, notes: Notes) -> dict[Any, Any]:
    """Put ids that are whole floats, or digits among numbers, into numbers; the ids by value and by text."""
    mixed = len({type(item.get('id')) is str for item in items}) > 1
    for item in items:
        value = item.get('id')
        if type(value) is float or (mixed and type(value) is str):
            whole = as_whole(value)
            if whole is not None and str(whole) in (str(value), f'{whole}', ):
                owner = f'an {kind}' if kind == 'image' else f'a {kind}'
                notes.add(f'the id of {owner} is read as a whole number', f'{kind} {whole}', value)
                item['id'] = whole
    ids = [item['id'] for item in items if isinstance(item.get('id'), (int, str))]
    return {**{str(value): value for value in ids}, **{value: value for value in ids}}


def _reference(item: dict[str, Any], key: str, known: Mapping[Any, Any], notes: Notes) -> None:
    """Give ``image_id`` or ``category_id`` the type of the id that it names."""
    value = item.get(key)
    if type(value) not in (int, str, float) or type(known.get(value)) is type(value):
        return
    found = known.get(value, known.get(str(as_whole(value))) if type(value) is not int else known.get(str(value)))
    if found is not None and type(found) is not type(value):
        notes.add(f'{key} is read as the id that it names', f'annotation {item.get("id")!r}', value)
        item[key] = found


def _annotation(ann: dict[str, Any], image: Mapping[str, Any] | None, categories: Mapping[Any, Any],
                notes: Notes) -> None:
    """One object or segment, in place."""
    _reference(ann, 'category_id', categories, notes)
    place = f'annotation {ann.get("id")!r}'
    for key in ('iscrowd', 'ignore'):
        value = ann.get(key, 0 if key == 'ignore' else None)
        if type(value) is int or (flag := as_flag(value)) is None:
            continue
        notes.add(f'{key} is read as 0 or 1', place, value if key in ann else 'nothing')
        ann[key] = flag
    box = ann.get('bbox')
    if isinstance(box, list) and any(type(value) is str for value in box):
        numbers = [as_number(value) for value in box]
        if None not in numbers:
            notes.add('bbox is read as numbers', place, box)
            ann['bbox'] = numbers
    mask = ann.get('segmentation')
    cleaned = clean_segmentation(mask) if mask else None
    if cleaned is not None:
        notes.add(f'segmentation: {cleaned.how}', place, mask)
        ann['segmentation'] = cleaned.value
    if 'area' not in ann or type(ann['area']) not in (int, float) or ann['area'] != ann['area'] or box is None:
        _measure(ann, image, notes, place)


def _measure(ann: dict[str, Any], image: Mapping[str, Any] | None, notes: Notes, place: str) -> None:
    """``bbox`` and ``area`` that are absent or null, from the mask or the box."""
    area = ann.get('area')
    if type(area) is str and (number := as_number(area)) is not None:
        notes.add('area is read as a number', place, area)
        ann['area'] = area = number
    rle = _sound_rle(ann.get('segmentation'), image)
    if ann.get('bbox') is None and rle is not None:
        notes.add('bbox is absent: the box of the mask', place)
        ann['bbox'] = rle_box(rle)
    if area is not None and not (type(area) is float and math.isnan(area)):
        return
    box = ann.get('bbox')
    if rle is not None:
        ann['area'] = rle_area(rle)
    elif isinstance(box, list) and len(box) == 4 and all(type(value) in (int, float) for value in box):
        ann['area'] = box[2] * box[3]
    else:
        return
    notes.add('area is absent: that of the mask, or of the box without one', place)


def _sound_rle(mask: Any, image: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The mask as RLE where mask and image are sound."""
    sides = (image.get('height'), image.get('width')) if image else (None, None)
    if not mask or not all(type(side) is int and 0 < side < 2**16 for side in sides):
        return None
    height, width = int(sides[0] or 0), int(sides[1] or 0)
    if isinstance(mask, dict):
        return as_rle(mask, height, width) if check_rle(mask, height, width) is None else None
    if check_polygons(mask, height, width) is not None or short_polygons(mask):
        return None
    return as_rle(mask, height, width)


def _number(annotations: Sequence[dict[str, Any]], notes: Notes) -> None:
    """Number objects from 1 where an id is no whole number above 0: evaluators need that, and nothing refers to it."""
    for ann in annotations:
        if type(ann.get('id')) is float and (whole := as_whole(ann['id'])) is not None:
            notes.add('the id of an annotation is read as a whole number', f'annotation {whole}', ann['id'])
            ann['id'] = whole
    wrong = [ann.get('id') for ann in annotations
             if type(ann.get('id')) is not int or not 0 < ann['id'] < _LARGEST_ID]
    if wrong:
        notes.add(f'ids of annotations that are no whole numbers above 0: all are numbered from 1, {len(wrong)} were '
                  'such', 'the first', wrong[0])
        for number, ann in enumerate(annotations, start=1):
            ann['id'] = number
