"""Check panoptic and semantic label maps: pairs exist, sizes are equal, a sample of the maps fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.fileio import list_dir_or_file, list_from_file

from mmseg_plugins.data_check.check_report import DatasetReport, spread
from mmseg_plugins.data_check.coco_check import ImageOptions
from mmseg_plugins.data_check.coco_structure import (
    class_problems,
    image_key_problem,
    is_category,
    structure_problems,
)
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.structures.images import decode_file, missing_files, read_header, read_label_map
from mmseg_plugins.structures.panoptic_ids import ids_of_bgr
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import what_is_there

ARRAYS = ('.npy', '.npz', '.nii', '.nii.gz')  # read by transforms of their own


@dataclass(frozen=True)
class MapSource:
    """A set with label maps.

    Attributes:
        name: place in the config.
        img_dir, map_dir: folders of images and of label maps.
        classes: names in label order (things and stuff).
        ann_file: panoptic JSON, or for semantic sets a list of stems; None lists ``img_dir``.
        img_suffix, map_suffix: of semantic sets.
        ignore_index, reduce_zero_label, label_map: as mmseg's loader applies them.
        decode_flags: with which OpenCV loads the images; None where another step loads them.
        labelled: False for test images without label maps; ``map_dir`` means nothing then.
    """

    name: str
    img_dir: Path
    map_dir: Path
    classes: tuple[str, ...]
    ann_file: Path | None = None
    img_suffix: str = '.jpg'
    map_suffix: str = '.png'
    ignore_index: int = 255
    reduce_zero_label: bool = False
    stored_values: int | None = None  # number of values in the files when label_map renumbers them
    labelled: bool = True
    decode_flags: int | None = None


def _folder_problems(*folders: Path) -> list[str]:
    return [
        f'the folder {folder} does not exist. {what_is_there(folder, folders=True)} '
        'Fix: correct data_root or data_prefix.'
        for folder in folders
        if not folder.is_dir()
    ]


def _semantic_stems(source: MapSource) -> tuple[list[str], str | None]:
    """Names without suffix, listed as mmseg lists them: links are followed, names that begin with a dot left out."""
    if source.ann_file is not None and not source.ann_file.is_dir():
        return _listed_stems(source.ann_file, source.img_suffix)
    names = list_dir_or_file(str(source.img_dir), list_dir=False, suffix=source.img_suffix, recursive=True)
    return sorted(name[: len(name) - len(source.img_suffix)] for name in names), None


def _listed_stems(path: Path, suffix: str) -> tuple[list[str], str | None]:
    """The lines of a list, and what mmseg, which takes every line for a name, would stumble over."""
    try:
        lines = list_from_file(str(path))
    except (OSError, UnicodeDecodeError) as error:
        return [], f'the list of images {path} cannot be read: {error}. Fix: correct ann_file, or save it as UTF-8.'
    stems = [line.strip() for line in lines]
    if not any(stems):
        return [], f'the list of images {path} names no image. Fix: write one name a line, without suffix.'
    for number, stem in enumerate(stems, start=1):
        if not stem:
            return [], (f'line {number} of {path} is blank, mmseg takes it for a name. Rule: one name a line. '
                        'Fix: remove the line.')
        if stem.startswith('\ufeff'):
            return [], (f'{path} begins with a byte order mark, mmseg takes it for a part of the name {stem!r}. '
                        'Fix: save it as UTF-8 without it.')
        if stem.endswith(suffix):
            return [], (f'line {number} of {path} is {stem!r}, to which mmseg adds {suffix!r}. Rule: names without '
                        'suffix. Fix: remove it.')
    return stems, None


def check_semantic(source: MapSource, sample: int | None = 200, options: ImageOptions | None = None) -> DatasetReport:
    """Check an mmseg data set: every image has its map, of its size, and sampled maps hold only labels of the classes.

    Args:
        sample: Maps whose labels are read, evenly spread; None reads all.
        options: How many pairs of files are opened to compare sizes.
    """
    report = DatasetReport(source.name, str(source.img_dir), classes=source.classes)
    folders = (source.img_dir, source.map_dir) if source.labelled else (source.img_dir,)
    report.errors += _folder_problems(*folders)
    if report.errors:
        return report
    stems, problem = _semantic_stems(source)
    if problem or not stems:
        endings = sorted({path.suffix for path in source.img_dir.iterdir()})[:5]
        report.errors.append(
            problem
            or f'no image *{source.img_suffix} in {source.img_dir}, which holds {endings}. '
            'Fix: set img_suffix, or correct data_prefix.'
        )
        return report
    report.images = len(stems)
    missing = set()
    for folder, suffix, kind in (
        (source.img_dir, source.img_suffix, 'missing_image'),
        (source.map_dir, source.map_suffix, 'missing_map'),
    )[:len(folders)]:
        names = [stem + suffix for stem in stems]
        for i in missing_files(folder, names):
            report.add(kind, names[i], None, None, '')
            missing.add(stems[i])
    if not source.labelled:
        _check_images(report, source, [stem for stem in stems if stem not in missing], options or ImageOptions())
        return report
    report.annotations = sum((source.map_dir / (stem + source.map_suffix)).is_file() for stem in stems)
    pairs = [stem for stem in stems if stem not in missing]
    _check_sizes(report, source, pairs, options or ImageOptions())
    _check_labels(report, source, pairs, sample)
    if source.ann_file is None or source.ann_file.is_dir():
        _note_maps_without_image(report, source, stems)
    return report


def _check_images(report: DatasetReport, source: MapSource, stems: Sequence[str], options: ImageOptions) -> None:
    """Open the headers of images that have no maps."""
    use = 'trained on without labels' if source.name.startswith('train') else 'predicted, not measured'
    report.notes.append(f'the images have no label maps: they are {use}')
    if source.img_suffix.lower().endswith(ARRAYS) or not options.files:
        return
    for i in spread(len(stems), options.max_headers):
        name = stems[i] + source.img_suffix
        try:
            read_header(source.img_dir / name, options.decode, source.decode_flags)
        except OSError as error:
            report.add('unreadable_image', name, None, None, str(error))


def _check_sizes(report: DatasetReport, source: MapSource, pairs: Sequence[str], options: ImageOptions) -> None:
    """Compare the sizes of images and maps by their headers."""
    if source.img_suffix.lower().endswith(ARRAYS):
        report.notes.append(f'the sizes of *{source.img_suffix} files were not compared with their maps')
        return
    for i in spread(len(pairs), options.max_headers) if options.files else ():
        image_name, map_name = pairs[i] + source.img_suffix, pairs[i] + source.map_suffix
        try:
            image = read_header(source.img_dir / image_name, options.decode, source.decode_flags)
        except OSError as error:
            report.add('unreadable_image', image_name, None, None, str(error))
            continue
        try:
            labels = read_header(source.map_dir / map_name)
        except OSError as error:
            report.add('bad_map', map_name, None, None, f'it cannot be decoded ({error})')
            continue
        if (image.width, image.height) != (labels.width, labels.height):
            report.add('label_size', map_name, None, None,
                       f'{labels.width} x {labels.height}, {image_name} is {image.width} x {image.height}')
        elif 1 in (image.width, image.height):
            report.add('thin_image', image_name, None, None, f'{image.width} x {image.height}')


def _check_labels(report: DatasetReport, source: MapSource, pairs: Sequence[str], sample: int | None) -> None:
    """Read the labels of some maps: values, and whether anything is labelled at all."""
    known = {finding.file for finding in report.findings}
    chosen = [pairs[i] for i in spread(len(pairs), sample) if pairs[i] + source.map_suffix not in known]
    empty, present = [], set()
    for stem in chosen:
        labels = read_label_map(source.map_dir / (stem + source.map_suffix))
        problem = semantic_map_problem(labels, source)
        if problem:
            report.add('bad_map', stem + source.map_suffix, None, None, problem)
        elif labels is not None:
            present |= _values(labels)
            if _values(labels) <= _void_values(source):
                empty.append(stem + source.map_suffix)
    report.notes.append(f'the labels of {len(chosen)} of {len(pairs)} maps were read')
    _check_classes(report, source, present)
    if empty and len(empty) == len(chosen):
        report.errors.append(
            f'none of the {len(chosen)} maps that were read holds a labelled pixel, all are {source.ignore_index} '
            f'(reduce_zero_label={source.reduce_zero_label}). Rule: there must be something to learn. Fix: are '
            'these the right maps, and the right ignore_index?')
    elif empty:
        report.notes.append(f'{len(empty)} of them hold no labelled pixel and add nothing to the loss: {empty[:3]}')


def _check_classes(report: DatasetReport, source: MapSource, present: set[int]) -> None:
    """Classes that no map holds, and the usual reason: maps of 0 and 255 whose foreground is taken for the void."""
    first = 1 if source.reduce_zero_label else 0
    names = source.classes if source.stored_values is None else ()  # with label_map the stored values are others
    absent = [name for label, name in enumerate(names, start=first) if label not in present]
    if present == {0, 255} and source.ignore_index == 255 and len(names) > 1 and not source.reduce_zero_label:
        report.errors.append(
            f'the maps hold 0 and 255 alone, and 255 is ignored: nothing of the classes {tuple(absent)} is left to '
            'learn or to measure. Rule: labels are 0, 1, .. . Fix: write the maps with 1 in place of 255: '
            f'mmseg-plugins convert-data label-maps {source.map_dir} --out-dir DIR')
    elif absent and present:
        report.notes.append(f'classes that occur in none of the maps that were read: {tuple(absent[:12])}')


def _values(labels: np.ndarray) -> set[int]:
    """The values of a map; counting bytes is several times as fast as sorting them."""
    if labels.dtype == np.uint8:
        return set(np.flatnonzero(np.bincount(labels.reshape(-1), minlength=256)).tolist())
    return {int(value) for value in np.unique(labels)}


def _void_values(source: MapSource) -> set[int]:
    return {source.ignore_index, 255, 0} if source.reduce_zero_label else {source.ignore_index}


def _note_maps_without_image(report: DatasetReport, source: MapSource, stems: Sequence[str]) -> None:
    known = {stem + source.map_suffix for stem in stems}
    found = list_dir_or_file(str(source.map_dir), list_dir=False, suffix=source.map_suffix, recursive=True)
    orphans = [name for name in found if name not in known]
    if orphans:
        report.notes.append(f'{len(orphans)} label maps have no image *{source.img_suffix} and are not used: '
                            f'{sorted(orphans)[:3]}')


def semantic_map_problem(labels: np.ndarray | None, source: MapSource) -> str | None:
    """Why a label map, as :func:`read_label_map` gives it, would crash the loss; None when it fits."""
    if labels is None:
        return 'it cannot be decoded'
    if labels.ndim != 2:
        return (f'it has {labels.shape[2]} channels; a label map has one. Fix: mmseg-plugins convert-data '
                f'label-maps {source.map_dir} --out-dir DIR makes class numbers of colors')
    if labels.dtype.kind == 'f' and not np.array_equal(labels, np.round(labels)):
        return 'its values are no whole numbers; a label map holds class numbers'
    values = sorted(_values(labels))
    number = source.stored_values if source.stored_values is not None else len(source.classes)
    first = 1 if source.reduce_zero_label else 0  # 0 becomes the ignored label then
    wrong = [v for v in values if not (first <= v < number + first) and v not in (source.ignore_index, first - 1)]
    if not wrong:
        return None
    return (
        f'labels {wrong[:8]}{" ..." if len(wrong) > 8 else ""} are neither in {first}..{number - 1 + first} '
        f'({number} classes, reduce_zero_label={source.reduce_zero_label}) nor the ignored {source.ignore_index}'
    )


def check_panoptic(source: MapSource, sample: int | None = 50) -> DatasetReport:
    """Check a COCO panoptic set: JSON, classes, files, and the segment ids of sampled maps."""
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
    report.errors += class_problems(content['categories'], source.classes)
    report.errors += _isthing_problems(content['categories'])
    report.errors += _folder_problems(source.img_dir, source.map_dir)
    report.images, report.annotations = len(content['images']), len(content['annotations'])
    images = {}
    for image in content['images']:
        problem = image_key_problem(image)
        if problem:
            report.add('missing_key', None, None, None, problem)
        else:
            images[image['id']] = image
    if report.errors or report.counts:
        return report
    names = [image['file_name'] for image in images.values()]
    for i in missing_files(source.img_dir, names):
        report.add('missing_image', names[i], None, None, '')
    _check_segments(report, source, content, images, sample)
    return report


def _isthing_problems(categories: Sequence[Any]) -> list[str]:
    lacking = [item['name'] for item in categories if is_category(item) and 'isthing' not in item]
    if not lacking:
        return []
    return [f'categories without "isthing": {lacking[:5]}. Rule: mmdet reads it. Fix: write 1 (thing) or 0.']


def _check_segments(
    report: DatasetReport, source: MapSource, content: dict[str, Any], images: dict[Any, Any], sample: int | None
) -> None:
    entries = []
    for position, entry in enumerate(content['annotations']):
        if not isinstance(entry, dict) or not {'image_id', 'segments_info'} <= entry.keys():
            report.add('missing_key', f'annotations[{position}]', None, None, 'needs image_id and segments_info')
        elif entry['image_id'] not in images:
            report.add('unknown_image', entry.get('file_name'), entry['image_id'])
        else:
            # mmdet derives the map's name from the image's, not from the entry.
            name = images[entry['image_id']]['file_name'].replace('.jpg', '.png')
            entries.append((name, entry))
    missing = set(missing_files(source.map_dir, [name for name, _ in entries]))
    for i in sorted(missing):
        report.add('missing_map', entries[i][0], entries[i][1]['image_id'], None, '')
    present = [entry for i, entry in enumerate(entries) if i not in missing]
    chosen = spread(len(present), sample)
    for i in chosen:
        name, entry = present[i]
        problem = panoptic_map_problem(source.map_dir / name, entry['segments_info'])
        if problem:
            report.add('bad_map', name, entry['image_id'], None, problem)
    report.notes.append(f'the segment ids of {len(chosen)} of {len(present)} maps were compared with the JSON')


def panoptic_map_problem(path: Path, segments: Sequence[dict[str, Any]]) -> str | None:
    """How a panoptic PNG (id = R + 256 G + 65536 B, 0 void) differs from its ``segments_info``."""
    bgr = decode_file(path, cv2.IMREAD_COLOR)
    if bgr is None:
        return 'it cannot be decoded'
    ids = ids_of_bgr(bgr)
    keys = {'id', 'category_id', 'bbox', 'area'}
    lacking = [sorted(keys - segment.keys()) for segment in segments if not keys <= segment.keys()]
    if lacking:
        return f'a segment lacks {lacking[0]}'
    drawn, listed = set(np.unique(ids).tolist()) - {0}, {segment['id'] for segment in segments}
    if drawn == listed:
        return None
    return f'ids only in the map: {sorted(drawn - listed)[:5]}, only in the JSON: {sorted(listed - drawn)[:5]}'
