"""Check a COCO instance data set as mmdet's ``CocoDataset`` will read it.

Pure functions from files to a :class:`DatasetReport`; nothing is printed or
raised.  The rules are those of mmdet 3.3 (``datasets/coco.py``,
``datasets/transforms/loading.py``) and of pycocotools' evaluation, which the
maintained continuation 3.5 shares.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_plugins.data_check.check_report import DatasetReport
from mmseg_plugins.data_check.coco_content import check_content
from mmseg_plugins.data_check.coco_structure import (
    annotation_key_problem,
    class_problems,
    image_key_problem,
    is_category,
    lacking_classes,
    mixed_ids,
    shorten,
    structure_problems,
)
from mmseg_plugins.data_check.image_check import ImageOptions, Loading, images_to_open, open_image
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.structures.images import missing_files
from mmseg_plugins.structures.rle import check_polygons, check_rle, short_polygons
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.memory import without_collection
from mmseg_plugins.utils.progress import track
from mmseg_plugins.utils.suggest import what_is_there


@dataclass(frozen=True)
class CocoSource:
    """One COCO data set of a config.

    Attributes:
        name: place in the config, ``train``, ``val``, ``test``, ``train[1]`` ...
        ann_file, img_dir: with ``data_root`` already joined.
        classes: names in the order of the config.
        test_mode: mmdet filters no image then.
        reads_masks: whether the pipeline or the metric decodes segmentations.
        poly2mask: of ``LoadAnnotations``; False makes it ignore RLE masks.
        names_by_id: whether mmdet's own metric prints numbers of each class.
        needs_annotations: whether a set without annotations is an error.
        loading: how the config loads images.
    """

    name: str
    ann_file: Path
    img_dir: Path
    classes: tuple[str, ...]
    filter_cfg: Mapping[str, Any] | None = None
    test_mode: bool = False
    reads_masks: bool = True
    poly2mask: bool = True
    names_by_id: bool = False
    needs_annotations: bool = True
    loading: Loading = None


def _index_images(report: DatasetReport, images: Sequence[Any]) -> dict[Any, dict[str, Any]]:
    index: dict[Any, dict[str, Any]] = {}
    for position, image in enumerate(images):
        problem = image_key_problem(image)
        if problem:
            known = image if isinstance(image, dict) else {}
            report.add('missing_key', known.get('file_name', f'images[{position}]'), known.get('id'), None, problem)
        elif image['id'] in index:
            report.add(
                'duplicate_image_id', image['file_name'], image['id'], None, f'also {index[image["id"]]["file_name"]}'
            )
        else:
            index[image['id']] = image
    return index


def drop_reason(
    ann: Mapping[str, Any], image: Mapping[str, Any], class_ids: Container[Any], known_ids: Container[Any]
) -> str | None:
    """The kind for which mmdet's ``CocoDataset`` leaves an annotation out, in its order; None when it is loaded."""
    if ann.get('ignore', False):
        return 'ignore'
    x, y, w, h = ann['bbox']
    inside_w = max(0, min(x + w, image['width']) - max(x, 0))
    inside_h = max(0, min(y + h, image['height']) - max(y, 0))
    if w >= 1 and h >= 1 and inside_w * inside_h == 0:
        return 'outside'
    if ann['area'] <= 0 or w < 1 or h < 1:
        return 'small_box'
    if ann['category_id'] not in class_ids:
        return 'other_class' if ann['category_id'] in known_ids else 'unknown_category'
    return None


def mask_problem(ann: Mapping[str, Any], image: Mapping[str, Any], poly2mask: bool) -> tuple[str, str] | None:
    """Kind and detail of a segmentation that crashes or is ignored."""
    mask = ann.get('segmentation')
    if not mask:
        return 'no_mask', 'segmentation is absent' if 'segmentation' not in ann else f'segmentation is {mask!r}'
    height, width = int(image['height']), int(image['width'])
    if isinstance(mask, dict):
        problem = check_rle(mask, height, width)
        if problem:
            return 'bad_rle', problem
        return None if poly2mask else ('rle_ignored', '')
    problem = check_polygons(mask, height, width)
    if problem:
        return 'bad_polygon', problem
    short = short_polygons(mask)
    if len(short) == len(mask):
        return 'short_polygon', f'{len(mask)} polygon(s), {max(map(len, mask))} coordinates at most'
    return ('short_part', f'polygon(s) {short} of {len(mask)}') if short else None


def _annotations(
    report: DatasetReport, source: CocoSource, content: Mapping[str, Any], images: Mapping[Any, Mapping[str, Any]],
    annotated: set[Any],
) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Yield the annotations that mmdet loads, with whether training uses them; record the others.

    ``annotated`` gets the ids of the images with an annotation of the classes, those that mmdet drops included.
    """
    known_ids = {item['id']: item['name'] for item in content['categories']}
    class_ids = {i for i, name in known_ids.items() if name in set(source.classes)}
    seen: set[Any] = set()
    others: Counter[str] = Counter()
    for position, ann in enumerate(content.get('annotations', ())):
        bad = annotation_key_problem(ann)
        if bad:
            ann = ann if isinstance(ann, dict) else {}
            owner = ann.get('image_id')
            image = images.get(owner) if isinstance(owner, (int, str)) else None
            name = image['file_name'] if image else f'annotations[{position}]'
            report.add(bad[0], name, ann.get('image_id'), ann.get('id'), bad[1])
            continue
        image = images.get(ann['image_id'])
        if ann['category_id'] in class_ids:
            annotated.add(ann['image_id'])
        place = (image['file_name'] if image else None, ann['image_id'], ann['id'])
        if ann['id'] in seen:
            report.add('duplicate_annotation_id', *place)
        seen.add(ann['id'])
        if image is None:
            report.add('unknown_image', *place)
            continue
        problem = mask_problem(ann, image, source.poly2mask) if source.reads_masks else None
        kind = drop_reason(ann, image, class_ids, known_ids)
        if problem and problem[0] in ('bad_rle', 'bad_polygon', 'no_mask') and kind != 'ignore':
            report.add(problem[0], *place, problem[1])
            continue
        if kind == 'other_class':
            others[known_ids[ann['category_id']]] += 1  # by intention: counted, not listed
            report.counts['other_class'] += 1
        elif kind:
            values = f'category_id {ann["category_id"]!r}, bbox {ann["bbox"]}, area {ann["area"]}'
            detail = '' if kind == 'ignore' else values
            report.add(kind, *place, detail)
        if kind:
            continue
        if ann.get('iscrowd', False):
            report.add('crowd', *place)
        elif problem:
            report.add(problem[0], *place, problem[1])
        yield ann, not ann.get('iscrowd', False) and (problem is None or problem[0] == 'short_part')
    if others:
        counts = ', '.join(f'{name} {number}' for name, number in others.most_common())
        report.notes.append(f'annotations of categories that the config does not use: {counts}')


def _check_annotations(
    report: DatasetReport, source: CocoSource, content: Mapping[str, Any], images: Mapping[Any, Mapping[str, Any]]
) -> None:
    names = {item['id']: item['name'] for item in content['categories']}
    instances: Counter[str] = Counter()
    holders: dict[str, set[Any]] = defaultdict(set)
    annotated: set[Any] = set()
    loaded = []
    for ann, used in _annotations(report, source, content, images, annotated):
        if used:
            loaded.append(ann)
            name = names[ann['category_id']]
            instances[name] += 1
            holders[name].add(ann['image_id'])
    check_content(report, loaded, images, source.reads_masks)
    report.kept_annotations = sum(instances.values())
    report.histogram = {name: (instances[name], len(holders[name])) for name in source.classes}
    unseen = [name for name in source.classes if not instances[name] and name not in report.lacking]
    if unseen and instances:
        report.notes.append(f'classes without a usable object: {shorten(unseen)}')
    _filter_images(report, source, images, annotated, set().union(*holders.values()) if holders else set())


def _filter_images(
    report: DatasetReport,
    source: CocoSource,
    images: Mapping[Any, Mapping[str, Any]],
    annotated: Container[Any],
    used: set[Any],
) -> None:
    """Which images mmdet's ``filter_data`` keeps: it counts all annotations of the classes, those dropped later too."""
    rules = {} if source.test_mode else dict(source.filter_cfg or {})
    kept = 0
    for image_id, image in images.items():
        if rules.get('filter_empty_gt', False) and image_id not in annotated:
            report.add('empty_image', image['file_name'], image_id)
        elif min(image['width'], image['height']) < rules.get('min_size', 0):
            report.add('small_image', image['file_name'], image_id, None, f'{image["width"]} x {image["height"]}')
        else:
            kept += 1
            report.kept_sizes.setdefault((image['width'], image['height']), image['file_name'])
    report.kept_images = kept
    empty = kept - len(used)
    if empty > 0 and kept and report.kept_annotations:
        report.notes.append(f'{empty} of the used images hold no usable instance (they count as background)')


def _emptiness(report: DatasetReport, source: CocoSource) -> None:
    """Add an error when nothing is left to train on or to evaluate."""
    dropped = ', '.join(f'{number} x {kind}' for kind, number in report.counts.items())
    facts = (
        f"The JSON's categories are {shorten(report.categories)}, the configured classes {shorten(source.classes)}, "
        f'filter_cfg={dict(source.filter_cfg) if source.filter_cfg else None}, dropped: {dropped or "nothing"}.'
    )
    if not report.images:
        what = 'the JSON lists no image'
    elif not report.kept_images:
        what = 'no image is left after filtering'
    elif not report.kept_annotations:
        what = (
            'no annotation is usable (all losses would be 0)'
            if not source.test_mode
            else 'no annotation is usable (every average precision would be -1)'
        )
        if not source.needs_annotations:
            report.notes.append(what)
            return
    else:
        return
    report.errors.append(
        f'{what}: {report.images} images, {report.annotations} annotations. {facts} Rule: something must '
        'remain. Fix: make classes and categories agree, single objects iscrowd=0, or loosen filter_cfg.'
    )


def _check_files(
    report: DatasetReport, source: CocoSource, images: Sequence[Mapping[str, Any]], options: ImageOptions
) -> None:
    if not source.img_dir.is_dir():
        report.errors.append(
            f'the image folder {source.img_dir} does not exist. {what_is_there(source.img_dir, folders=True)} '
            'Fix: correct data_root or data_prefix.'
        )
        return
    missing = set(missing_files(source.img_dir, [image['file_name'] for image in images]))
    slashes = 'folders are separated by "/" here, not by "\\"'
    for i in sorted(missing):
        name = images[i]['file_name']
        report.add('missing_image', name, images[i]['id'], None, slashes if '\\' in name else '')
    if images and len(missing) == len(images):
        report.errors.append(
            f'not one of the {len(images)} images is in {source.img_dir}. '
            f'{what_is_there(source.img_dir / images[0]["file_name"], folders=False)} '
            f'Fix: correct data_root or data_prefix{"; " + slashes if chr(92) in images[0]["file_name"] else ""}.'
        )
    present = [image for i, image in enumerate(images) if i not in missing]
    report.paths = list(dict.fromkeys(source.img_dir / image['file_name'] for image in present))
    chosen, decode = images_to_open([source.img_dir / image['file_name'] for image in present], options, source.loading)
    for i in track(chosen, description=f'Checking images of {source.name}'):
        check_image(report, source.img_dir, present[i], decode, source.loading)
    if len(chosen) < len(present):
        report.notes.append(
            f'all {len(images)} image files were looked for, {len(chosen)} of them opened '
            '(data_check.max_headers; decode_images=True reads every pixel)'
        )


def check_image(report: DatasetReport, img_dir: Path, image: Mapping[str, Any], decode: bool,
                loading: Loading = None) -> None:
    """Compare one image file with its entry in the JSON."""
    place = (image['file_name'], image['id'], None)
    header = open_image(report, img_dir / image['file_name'], place, decode, loading)
    if header is None:
        return
    if (header.width, header.height) != (image['width'], image['height']):
        turned = ' after its EXIF rotation' if header.rotated else ''
        report.add(
            'image_size',
            *place,
            f'the JSON says {image["width"]} x {image["height"]}, the file is {header.width} x {header.height}{turned}',
        )


@without_collection()
def check_coco(source: CocoSource, options: ImageOptions | None = None) -> DatasetReport:
    """Check annotation file, classes, annotations and image files of one COCO data set."""
    report = DatasetReport(source.name, str(source.ann_file), classes=source.classes)
    try:
        content, notes = read_coco(source.ann_file)
    except UserError as error:
        report.errors.append(str(error))
        return report
    report.notes += [f'read with one meaning: {note}' for note in notes]
    report.errors += structure_problems(content, source.needs_annotations)
    if report.errors:
        return report
    categories = content['categories']
    report.images, report.annotations = len(content['images']), len(content.get('annotations', ()))
    report.errors += class_problems(categories, source.classes)
    for key in ('images', 'categories'):
        report.errors += mixed_ids(f'ids of {key}', [item.get('id') for item in content[key] if isinstance(item, dict)])
    report.lacking = tuple(lacking_classes(categories, source.classes))
    if report.lacking:
        report.notes.append(f'the JSON has no category of the classes {shorten(report.lacking)}: it holds none of them')
    if all(is_category(item) for item in categories):
        report.categories = tuple(str(item['name']) for item in categories)
        ids = {item['name']: item['id'] for item in categories}
        ordered = [ids[name] for name in source.classes if name in ids]
        if source.names_by_id and not report.errors and (report.lacking or ordered != sorted(ordered)):
            report.errors.append(
                f'mmdet.CocoMetric(classwise=True) on category ids {ordered} of {shorten(source.classes)}: it would '
                'print the numbers of one class under the name of another. Rule: ids ascend in the order of the '
                "classes, none lacking. Fix: type='mmseg_plugins.FastCocoMetric'.")
        images = _index_images(report, content['images'])
        _check_annotations(report, source, content, images)
        if not report.errors:
            _emptiness(report, source)
        options = options or ImageOptions()
        if options.files:
            _check_files(report, source, list(images.values()), options)
    return report
