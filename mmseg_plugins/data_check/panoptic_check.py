"""Check a COCO panoptic set as mmdet's ``CocoPanopticDataset`` reads it: JSON, classes, images, maps, segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from mmseg_plugins.data_check.check_report import DatasetReport, spread
from mmseg_plugins.data_check.coco_content import agree
from mmseg_plugins.data_check.coco_structure import (
    annotation_key_problem,
    class_problems,
    image_key_problem,
    is_category,
    lacking_classes,
    shorten,
    structure_problems,
)
from mmseg_plugins.data_check.image_check import ImageOptions, images_to_open, open_image
from mmseg_plugins.data_check.map_check import MapSource, folder_problems
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.structures.image_headers import read_header
from mmseg_plugins.structures.images import decode_file, missing_files
from mmseg_plugins.structures.masks import mask_box
from mmseg_plugins.structures.panoptic_ids import ids_of_bgr
from mmseg_plugins.utils.errors import UserError


class _Entry(NamedTuple):
    """An image, its entry of ``annotations``, and the name of its map, which mmdet derives from the image's."""

    image: Mapping[str, Any]
    annotation: Mapping[str, Any]
    map_name: str


def check_panoptic(source: MapSource, sample: int | None = 50, options: ImageOptions | None = None) -> DatasetReport:
    """Check one set.

    Args:
        sample: Maps whose segment ids are compared with the JSON, evenly spread; None reads all.
        options: How many images and maps are opened.
    """
    assert source.ann_file is not None
    report = DatasetReport(source.name, str(source.ann_file), classes=source.classes)
    content: Any = None
    try:
        content, notes = read_coco(source.ann_file)
        report.notes += [f'read with one meaning: {note}' for note in notes]
        report.errors += structure_problems(content)
    except UserError as error:
        report.errors.append(str(error))
    if report.errors:
        return report
    categories = content['categories']
    report.images, report.annotations = len(content['images']), len(content['annotations'])
    report.errors += class_problems(categories, source.classes) + _kinds_of_classes(categories, source)
    report.errors += folder_problems(source.img_dir, source.map_dir)
    if not report.errors:
        report.categories = tuple(str(item['name']) for item in categories)
        report.lacking = tuple(lacking_classes(categories, source.classes))
        images = _index_images(report, content['images'])
        entries = list(_entries(report, content['annotations'], images))
        for image in images.values():
            report.kept_sizes.setdefault((image['width'], image['height']), image['file_name'])
        _check_segments(report, source, entries, categories)
        if not report.problems():
            _check_files(report, source, entries, sample, options or ImageOptions())
    return report


def _kinds_of_classes(categories: Sequence[Any], source: MapSource) -> list[str]:
    """``isthing`` of the categories against the things of the config."""
    known = [item for item in categories if is_category(item)]
    lacking = [item['name'] for item in known if 'isthing' not in item]
    if lacking:
        return [f'categories without "isthing": {lacking[:5]}. Rule: mmdet reads it. Fix: write 1 (thing) or 0.']
    wrong = [f'{item["name"]} {item["isthing"]!r:.20}' for item in known if item['isthing'] not in (0, 1)
             or not isinstance(item['isthing'], int)]
    if wrong:
        return [f'"isthing" is neither 0 nor 1: {wrong[:5]}. Rule: 1 is a thing, 0 is stuff. Fix: write it.']
    if source.things is None:
        return []
    things = set(source.things)
    problems = []
    if tuple(source.classes[:len(source.things)]) != tuple(source.things):
        problems.append(f'metainfo.classes is {shorten(source.classes)}, thing_classes {shorten(source.things)}. Rule: '
                        'classes are the things, then the stuff. Fix: write them in this order.')
    other = [str(item['name']) for item in known
             if item['name'] in source.classes and bool(item['isthing']) != (item['name'] in things)]
    if other:
        problems.append('categories that are things in the JSON and stuff in the config, or the other way: '
                        f'{other[:5]}. Rule: isthing agrees with thing_classes and stuff_classes. '
                        'Fix: correct one of them.')
    return problems


def _index_images(report: DatasetReport, images: Sequence[Any]) -> dict[Any, Mapping[str, Any]]:
    index: dict[Any, Mapping[str, Any]] = {}
    for image in images:
        problem = image_key_problem(image)
        if problem:
            report.add('missing_key', None, None, None, problem)
        elif image['id'] in index:
            report.add('duplicate_image_id', image['file_name'], image['id'], None,
                       f'also {index[image["id"]]["file_name"]}')
        else:
            index[image['id']] = image
    names = Counter(image['file_name'] for image in index.values())
    for key, image in index.items():
        if names[image['file_name']] > 1:
            report.add('file_twice', image['file_name'], key)
    return index


def _entries(report: DatasetReport, annotations: Sequence[Any],
             images: Mapping[Any, Mapping[str, Any]]) -> Iterator[_Entry]:
    """The sound entries of ``annotations``; each image has one."""
    seen: set[Any] = set()
    for position, entry in enumerate(annotations):
        place = f'annotations[{position}]'
        if not isinstance(entry, dict) or not {'image_id', 'file_name', 'segments_info'} <= entry.keys():
            report.add('missing_key', place, None, None, 'needs image_id, file_name and segments_info')
            continue
        owner = entry['image_id'] if isinstance(entry['image_id'], (int, str)) else None
        if not isinstance(entry['segments_info'], list):
            report.add('missing_key', place, owner, None, f'segments_info {entry["segments_info"]!r:.40} is no list')
        elif owner is None or owner not in images:
            report.add('unknown_image', str(entry['file_name']), owner)
        elif owner in seen:
            report.add('entry_twice', str(entry['file_name']), owner)
        else:
            seen.add(owner)
            name = str(images[owner]['file_name']).replace('.jpg', '.png')
            if entry['file_name'] != name:
                report.add('map_name', str(entry['file_name']), owner, None, f'mmdet reads {name}')
            yield _Entry(images[owner], entry, name)
    for key, image in images.items():
        if key not in seen:
            report.add('no_entry', image['file_name'], key)


def _check_segments(report: DatasetReport, source: MapSource, entries: Sequence[_Entry],
                    categories: Sequence[Mapping[str, Any]]) -> None:
    """What the JSON says of each segment, and how often each class occurs."""
    names = {item['id']: item['name'] for item in categories}
    segments: Counter[str] = Counter()
    holders: Counter[str] = Counter()
    for image, entry, _ in entries:
        ids: set[Any] = set()
        held: set[str] = set()
        for segment in entry['segments_info']:
            place = (image['file_name'], image['id'], segment.get('id') if isinstance(segment, dict) else None)
            bad = annotation_key_problem({**segment, 'image_id': image['id']} if isinstance(segment, dict) else segment)
            if bad or type(segment['id']) is not int:
                report.add(*(bad[:1] if bad else ('missing_key', )), *place, bad[1] if bad else 'id is no number')
                continue
            if segment['id'] in ids:
                report.add('segment_twice', *place)
            ids.add(segment['id'])
            if segment['category_id'] not in names or names[segment['category_id']] not in source.classes:
                report.add('segment_class', *place, f'category_id {segment["category_id"]!r}')
            elif segment['area'] <= 0 or segment['bbox'][2] < 1 or segment['bbox'][3] < 1:
                report.add('small_box', *place, f'bbox {segment["bbox"]}, area {segment["area"]}')
            else:
                segments[names[segment['category_id']]] += 1
                held.add(names[segment['category_id']])
                if segment.get('iscrowd'):
                    report.add('crowd', *place)
        holders.update(held)
    report.histogram = {name: (segments[name], holders[name]) for name in source.classes}
    report.kept_images, report.kept_annotations = len(entries), sum(segments.values())
    unseen = [name for name in source.classes if not segments[name]]
    if unseen and segments:
        report.notes.append(f'classes without a usable object: {shorten(unseen)}')
    if not segments and not report.problems():
        report.errors.append(f'none of the {len(entries)} images has a segment of the classes '
                             f'{shorten(source.classes)}. Rule: there must be something to learn. '
                             'Fix: is it the right JSON?')


def _check_files(report: DatasetReport, source: MapSource, entries: Sequence[_Entry], sample: int | None,
                 options: ImageOptions) -> None:
    gone = set()
    for folder, kind, names in (
        (source.img_dir, 'missing_image', [entry.image['file_name'] for entry in entries]),
        (source.map_dir, 'missing_map', [entry.map_name for entry in entries]),
    ):
        for i in missing_files(folder, names):
            report.add(kind, names[i], entries[i].image['id'], None, '')
            gone.add(i)
    present = [entry for i, entry in enumerate(entries) if i not in gone]
    report.paths = [source.img_dir / entry.image['file_name'] for entry in present]
    chosen, decode = images_to_open(report.paths, options, source.loading)
    for i in chosen:
        _check_sizes(report, source, present[i], decode)
    known = {finding.image_id for finding in report.findings}
    read = [i for i in spread(len(present), sample) if present[i].image['id'] not in known] if options.files else []
    for i in read:
        image, entry, name = present[i]
        problem = panoptic_map_problem(source.map_dir / name, entry['segments_info'])
        if problem:
            report.add('bad_map', name, image['id'], None, problem)
        else:
            _compare_boxes(report, source.map_dir / name, image, entry['segments_info'])
    report.notes.append(f'the segment ids of {len(read)} of {len(present)} maps were compared with the JSON')


def _check_sizes(report: DatasetReport, source: MapSource, entry: _Entry, decode: bool) -> None:
    image = entry.image
    place = (image['file_name'], image['id'], None)
    header = open_image(report, source.img_dir / image['file_name'], place, decode, source.loading)
    if header is None:
        return
    size = (image['width'], image['height'])
    if (header.width, header.height) != size:
        report.add('image_size', *place, f'the JSON says {size[0]} x {size[1]}, the file is {header.width} x '
                                         f'{header.height}{" after its EXIF rotation" if header.rotated else ""}')
        return
    try:
        drawn = read_header(source.map_dir / entry.map_name, decode, cv2.IMREAD_COLOR)
    except OSError as error:
        report.add('bad_map', entry.map_name, image['id'], None, f'it cannot be decoded ({error})')
        return
    if (drawn.width, drawn.height) != size:
        report.add('label_size', entry.map_name, image['id'], None,
                   f'{drawn.width} x {drawn.height}, {image["file_name"]} is {size[0]} x {size[1]}')
    elif drawn.mode in ('1', 'L', 'LA', 'I', 'I;16') or drawn.bits > 8:
        report.add('bad_map', entry.map_name, image['id'], None,
                   f'it is of mode {drawn.mode} with {drawn.bits} bits; ids are colors of 8 bits, id = R + 256 G + '
                   '65536 B')


def panoptic_map_problem(path: Path, segments: Sequence[dict[str, Any]]) -> str | None:
    """How a panoptic PNG (id = R + 256 G + 65536 B, 0 void) differs from its ``segments_info``."""
    bgr = decode_file(path, cv2.IMREAD_COLOR)
    if bgr is None:
        return 'it cannot be decoded'
    drawn, listed = set(np.unique(ids_of_bgr(bgr)).tolist()) - {0}, {segment['id'] for segment in segments}
    if drawn == listed:
        return None
    return f'ids only in the map: {sorted(drawn - listed)[:5]}, only in the JSON: {sorted(listed - drawn)[:5]}'


def _compare_boxes(report: DatasetReport, path: Path, image: Mapping[str, Any],
                   segments: Sequence[Mapping[str, Any]]) -> None:
    """``bbox`` of each segment, which boxes are learned from, against its pixels."""
    bgr = decode_file(path, cv2.IMREAD_COLOR)
    ids = ids_of_bgr(bgr) if bgr is not None else np.zeros((0, 0), np.int32)
    for segment in segments:
        box = mask_box(ids == segment['id'])
        if box is None:
            continue
        x1, y1, x2, y2 = (float(side) for side in box)
        x, y, w, h = segment['bbox']
        if not agree((x, y, w, h), (x1, y1, x2 - x1, y2 - y1)):
            report.add('box_and_mask', image['file_name'], image['id'], segment['id'],
                       f'bbox {segment["bbox"]}, its pixels lie in {[x1, y1, x2 - x1, y2 - y1]}')
