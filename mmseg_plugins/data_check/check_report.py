"""What a data check found, as a table for the log, a message and JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_plugins.utils.errors import UserError


class Kind(NamedTuple):
    """One kind of finding: whether it stops the run, the rule it breaks, and what to do."""

    stops: bool
    rule: str
    fix: str


#: Every kind of finding.  Those that do not stop are dropped or ignored by mmdet's loader.
KINDS: dict[str, Kind] = {
    'crowd': Kind(False, 'iscrowd=1: ignored in training', 'set iscrowd to 0 for single objects'),
    'ignore': Kind(False, 'ignore=1: dropped', 'remove the key "ignore"'),
    'outside': Kind(False, 'the box does not touch the image', 'boxes are [x, y, w, h] in pixels of that image'),
    'small_box': Kind(False, 'area <= 0, or box width or height < 1 pixel', 'remove it, or check its unit'),
    'other_class': Kind(False, 'its category is not among the configured classes', 'add the class to use it'),
    'unknown_category': Kind(False, 'its category_id is in no category', 'add the category or correct the id'),
    'unknown_image': Kind(False, 'its image_id is in no image', 'add the image or correct the id'),
    'short_polygon': Kind(
        False, 'no polygon has an even number of at least 6 coordinates: mask ignored', 'draw it again'
    ),
    'short_part': Kind(
        False,
        'a polygon of several has fewer than 6 or an odd number of coordinates: that part is lost',
        'draw it again',
    ),
    'rle_ignored': Kind(
        False, 'an RLE mask while LoadAnnotations has poly2mask=False: ignored', 'set poly2mask=True in the pipeline'
    ),
    'small_image': Kind(False, 'image smaller than filter_cfg.min_size: dropped', 'lower min_size'),
    'empty_image': Kind(
        False, 'image without an annotation of the classes: dropped by filter_empty_gt', 'set filter_empty_gt=False'
    ),
    'file_header': Kind(False, 'the image is read, but its values change', 'store it with 8 bits'),
    'box_and_mask': Kind(
        False, 'bbox and the box of the mask overlap by less than half: both are used', 'correct one of them'
    ),
    'box_beyond': Kind(False, 'the box reaches beyond the image', 'boxes are [x, y, w, h] in pixels of that image'),
    'object_twice': Kind(False, 'the object is there twice: image, category, box and mask are equal', 'remove one'),
    'file_twice': Kind(False, 'the same file under two image ids', 'join their annotations under one id'),
    'bad_box': Kind(True, 'bbox must be four finite numbers [x, y, w, h]', 'correct or remove the annotation'),
    'bad_rle': Kind(True, 'malformed RLE: pycocotools may crash or hang on it', 'encode the mask again or remove it'),
    'bad_polygon': Kind(True, 'malformed polygon: rasterising it would fail', 'correct or remove the annotation'),
    'no_mask': Kind(True, 'no segmentation, while the pipeline loads masks', 'add the mask or remove the annotation'),
    'missing_key': Kind(True, 'a key that mmdet reads is absent or of the wrong type', 'write it'),
    'duplicate_annotation_id': Kind(True, 'annotation ids must be unique', 'number the annotations again'),
    'duplicate_image_id': Kind(True, 'image ids must be unique', 'number the images and their annotations again'),
    'missing_image': Kind(True, 'the image file does not exist', 'check data_root, data_prefix and file_name'),
    'unreadable_image': Kind(True, 'the image file cannot be read', 'copy it again, or remove it from the JSON'),
    'image_size': Kind(
        True,
        'width and height of the JSON differ from the image as it is loaded (EXIF rotation included)',
        'write the size as loaded, or save the image upright without the EXIF orientation',
    ),
    'missing_map': Kind(True, 'the label map does not exist', 'check data_prefix and the file suffixes'),
    'label_size': Kind(True, 'a label map has the size of its image', 'write the map again, or correct the pairing'),
    'thin_image': Kind(
        True, "a side of 1 pixel, which mmseg's LoadAnnotations drops from the label map", 'pad it, or leave it out'
    ),
    'entry_twice': Kind(True, 'an image has one entry of annotations, with all its segments', 'join its entries'),
    'no_entry': Kind(True, 'an image without an entry of annotations', 'add it, or leave the image out'),
    'map_name': Kind(
        True, "file_name of an entry is the image's with .png for .jpg: mmdet derives the map from the image's",
        'name images, maps and entries so'
    ),
    'segment_twice': Kind(True, 'ids of segments are unique in an image', 'join the segments, or draw another id'),
    'segment_class': Kind(
        True, "category_id of a segment is that of one of the config's classes", 'add the class, or remove the segment'
    ),
    'bad_map': Kind(True, 'the label map does not fit', 'write the map again'),
}


#: Kinds that do not stop, but hint at a mistake: numbers come out otherwise than they seem.
DOUBTFUL = frozenset({'file_header', 'box_and_mask', 'box_beyond', 'object_twice', 'file_twice'})


class Finding(NamedTuple):
    """One image or annotation; ``file`` is the image's name as the annotation file gives it."""

    kind: str
    file: str | None
    image_id: Any = None
    annotation_id: Any = None
    detail: str = ''

    def __str__(self) -> str:
        place = self.file if self.file is not None else f'image {self.image_id!r}'
        if self.annotation_id is not None:
            place += f' annotation {self.annotation_id!r}'
        return f'{place}: {self.detail}' if self.detail else place


@dataclass
class DatasetReport:
    """The check of one data set.

    Attributes:
        name: where the config has it, e.g. ``train``.
        source: annotation file or folder.
        classes: configured class names, in label order.
        lacking: configured classes that are no category of the file.
        histogram: per class, usable instances and images that hold one.
        kept_images, kept_annotations: what the loader will use; None if unknown.
        errors: sentences with value, rule and fix about the set as a whole.
        notes: sentences about what was not checked or is merely odd.
        warnings: sentences about what works, but gives other numbers than it seems.
        paths: image files, to compare with those of other sets; empty where they are not known.
        sizes: width and height of images that were opened -> the first of this size.
        kept_sizes: the same of the images that the loader keeps, where an annotation file tells it; empty elsewhere.
        inputs: split -> sizes (h, w) that its pipeline gives to the network; without those that are not known.
        channels: number of channels of images that are loaded as they are -> the first with as many.
        counts: number of findings a kind, also of kinds not listed one by one.
    """

    name: str
    source: str
    classes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    images: int = 0
    annotations: int = 0
    kept_images: int | None = None
    kept_annotations: int | None = None
    histogram: dict[str, tuple[int, int]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    sizes: dict[tuple[int, int], str] = field(default_factory=dict)
    kept_sizes: dict[tuple[int, int], str] = field(default_factory=dict)
    inputs: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    channels: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, *place: Any) -> None:
        """Record one finding, see :class:`Finding` for ``place``."""
        self.counts[kind] += 1
        self.findings.append(Finding(kind, *place))

    def doubtful(self) -> bool:
        """Whether anything deserves more than a line in a log: warnings, and findings that change numbers."""
        return bool(self.warnings) or not DOUBTFUL.isdisjoint(self.counts)

    def problems(self, listed: int = 3) -> list[str]:
        """All that must stop the run, one text each: wrong values, rule, fix."""
        texts = list(self.errors)
        for kind, number in self.counts.items():
            if KINDS[kind].stops:
                texts.append(
                    f'{number} x {KINDS[kind].rule}. {self._examples(kind, listed)}Fix: {KINDS[kind].fix}.'
                )
        return texts

    def _examples(self, kind: str, listed: int) -> str:
        chosen = [str(item) for item in self.findings if item.kind == kind]
        if not chosen:
            return ''
        more = f'; and {len(chosen) - listed} more' if len(chosen) > listed else ''
        return f'{"; ".join(chosen[:listed])}{more}. '

    def text(self, listed: int = 3) -> str:
        """Several lines for the log: totals, class histogram, what is dropped and why."""
        lines = [f'Data check of {self.name}: {self.source}']
        kept = ''
        if self.kept_images is not None:
            kept = f'; used: {self.kept_images} images, {self.kept_annotations} annotations'
        lines.append(f'  {self.images} images, {self.annotations} annotations, {len(self.classes)} classes{kept}')
        if self.histogram:
            lines += [f'  {line}' for line in histogram_table(self.histogram)]
        for kind, number in self.counts.items():
            if not KINDS[kind].stops:
                lines.append(
                    f'  {number} x {KINDS[kind].rule}. {self._examples(kind, listed)}Fix: {KINDS[kind].fix}.'
                )
        lines += [f'  note: {note}' for note in self.notes]
        lines += [f'  WARNING: {warning}' for warning in self.warnings]
        lines += [f'  PROBLEM: {problem}' for problem in self.problems(listed)]
        return '\n'.join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Everything, every finding included, ready for JSON."""
        return {
            'name': self.name,
            'source': self.source,
            'classes': list(self.classes),
            'categories': list(self.categories),
            'images': self.images,
            'annotations': self.annotations,
            'kept_images': self.kept_images,
            'kept_annotations': self.kept_annotations,
            'histogram': {name: {'instances': n, 'images': m} for name, (n, m) in self.histogram.items()},
            'problems': self.problems(),
            'notes': self.notes,
            'warnings': self.warnings,
            'counts': dict(self.counts),
            'findings': [item._asdict() for item in self.findings],
        }


def histogram_table(histogram: dict[str, tuple[int, int]], most: int = 30) -> list[str]:
    """Lines of a table class / instances / images; sets of many classes show the rarest ``most``."""
    rows = list(histogram.items())
    hidden = len(rows) - most
    if hidden > 0:
        rows = sorted(rows, key=lambda row: row[1])[:most]
    width = max(len('class'), *(len(name) for name, _ in rows))
    lines = [f'{"class":<{width}}  instances  images']
    lines += [f'{name:<{width}}  {instances:>9}  {images:>6}' for name, (instances, images) in rows]
    if hidden > 0:
        lines.append(f'(the {most} rarest; {hidden} more classes are in data_check.json)')
    return lines


def data_error(problems: Sequence[tuple[str, str]]) -> UserError:
    """The error of data that cannot be trained on: every problem with its fix.

    Args:
        problems: Pairs of the place (``train: path``) and the text.
    """
    lines = [f'the data check found {len(problems)} problem(s):']
    place = None
    for where, text in problems:
        if where != place:
            lines.append(where)
            place = where
        lines.append(f'  - {text}')
    lines.append('Nothing was trained. To start all the same: --cfg-options data_check=False')
    return UserError('\n'.join(lines))


def collect_problems(reports: Iterable[DatasetReport], listed: int = 3) -> list[tuple[str, str]]:
    """Pairs (place, text) of all problems of several reports; what several say alike (of a head) comes once."""
    problems: list[tuple[str, str]] = []
    for report in reports:
        known = {text for _, text in problems}
        place = f'{report.name}: {report.source}'
        problems += [(place, text) for text in report.problems(listed) if text not in known]
    return problems


def inputs_of(reports: Iterable[DatasetReport]) -> dict[str, list[tuple[int, int]]]:
    """Sizes (h, w) that each split gives to the network, of all its data sets."""
    found: dict[str, list[tuple[int, int]]] = {}
    for report in reports:
        for split, sizes in report.inputs.items():
            found[split] = sorted({*found.get(split, ()), *sizes})
    return found


def write_report(path: Path, reports: Sequence[DatasetReport]) -> None:
    """Write every finding of all reports as one JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {'datasets': [report.as_dict() for report in reports]}
    # default=str: ids of any type, and NaN boxes inside details, must not break the report itself.
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, default=str) + '\n', encoding='utf-8')


def spread(total: int, wanted: int | None) -> list[int]:
    """At most ``wanted`` indices, evenly spread over 0..total-1; None means all."""
    if wanted is None or wanted >= total:
        return list(range(total))
    return [i * total // wanted for i in range(wanted)]
