"""COCO files with masks, and what ``predict`` writes, read and written whole: images, categories, annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.data_check.coco_structure import read_json, structure_problems
from mmseg_plugins.data_prep.annotations import AnnotatedImage, AnnotationSet, ReadOptions, coco_builder, open_named
from mmseg_plugins.data_prep.names import SPLITS, find_file
from mmseg_plugins.structures.rle import as_rle, check_polygons, check_rle, text_rle
from mmseg_plugins.utils.errors import UserError

RESULTS, INDEX = 'predictions.json', 'images.json'  # of the command predict
NO_SPLIT = 'default'  # CVAT's name


def coco_sources(source: Path) -> dict[str, Path]:
    """Split -> file: the file itself, the predictions of a folder, or its ``instances_*.json`` (or only JSON)."""
    if source.is_file():
        return {_split_name(source): source}
    if (source / RESULTS).is_file() and (source / INDEX).is_file():
        return {NO_SPLIT: source / RESULTS}
    for folder in (source / 'annotations', source):
        named = sorted(folder.glob('instances_*.json'))
        found = named or [path for path in sorted(folder.glob('*.json')) if is_coco(path)]
        # Roboflow's train/_annotations.coco.json
        found = found or sorted(folder.glob('*/_annotations.coco.json'))
        if found:
            splits = {_split_name(path): path for path in found}
            if len(splits) < len(found):
                raise UserError(f'{folder} holds {len(found)} COCO files.', fix='name one of them.')
            return splits
    raise UserError(f'{source} holds no COCO file.', rule='annotations/instances_train.json.', fix='name the file.')


def is_coco(path: Path) -> bool:
    """Whether a JSON file has COCO's lists."""
    content, _ = read_json(path)
    return isinstance(content, dict) and not structure_problems(content)


def _split_name(path: Path) -> str:
    words = [path.parent.name, *path.stem.replace('-', '_').split('_')]
    return next((SPLITS[word.lower()] for word in reversed(words) if word.lower() in SPLITS), NO_SPLIT)


def read_coco(source: Path, options: ReadOptions) -> AnnotationSet:
    """Read COCO files, or the folder (or the ``predictions.json``) that ``predict`` wrote.

    Masks stay as they are: an RLE an RLE, polygons polygons.  Boxes without a mask are counted and left out.

    Raises:
        UserError: no COCO file; a segmentation, image or category that is none; images that are not found.
    """
    counts: Counter[str] = Counter()
    splits, classes = {}, None
    for split, path in coco_sources(source).items():
        content = _content(path)
        names = [str(item['name']) for item in content['categories']]
        if classes is None:
            classes = list(options.classes) if options.classes is not None else names
        unknown = sorted(set(names) - set(classes)) if options.classes is None else []
        if unknown:
            raise UserError(f'{path} has the class {unknown[0]!r}, other files have {tuple(classes)}.',
                            rule='one set of classes.', fix='--classes NAME NAME ... names all of them.')
        splits[split] = _images(content, path, options, counts, set(classes))
    return AnnotationSet(classes or [], splits, counts)


def _content(path: Path) -> dict[str, Any]:
    """images, annotations and categories of a COCO file, or of results with the ``images.json`` next to them."""
    content, problem = read_json(path)
    if problem:
        raise UserError(problem)
    if isinstance(content, list):
        index, problem = read_json(path.with_name(INDEX))
        if problem:
            raise UserError(f'{path} is a list of results, which says nothing about its images.',
                            rule=f'{INDEX} next to it names them.', fix='give the folder that predict wrote.')
        content = {**index, 'annotations': content}
    problems = structure_problems(content)
    if problems:
        raise UserError(f'{path}: ' + ' '.join(problems))
    bad = [item for item in content['categories'] if not isinstance(item, dict) or not {'id', 'name'} <= set(item)]
    if bad:
        raise UserError(f'{path}: a category is {bad[0]!r:.60}.', rule='it has id and name.', fix='add them.')
    return dict(content)


def _images(content: Mapping[str, Any], path: Path, options: ReadOptions, counts: Counter[str],
            classes: set[str]) -> list[AnnotatedImage]:
    names = {_plain_id(item['id']): str(item['name']) for item in content['categories']}
    folder = image_folder(content['images'], path, options.image_dir)
    images: dict[Any, AnnotatedImage] = {}
    for item in content['images']:
        key, image = _image(item, folder, path)
        if key in images:
            raise UserError(f'{path}: the image id {key!r} is there twice.', fix='number them anew.')
        images[key] = image
    _require_objects(content['annotations'], path, options)
    for ann in content['annotations']:
        if not isinstance(ann, dict):
            raise UserError(f'{path}: an annotation is {ann!r:.40}.', rule='an object.', fix='export it again.')
        where = f'{path.name} annotation {ann.get("id", "of image " + str(ann.get("image_id")))}'
        image_id, category = _plain_id(ann.get('image_id')), _plain_id(ann.get('category_id'))
        if image_id not in images:
            raise UserError(f'{where}: no image {image_id!r}.', fix='export it again.')
        if category not in names:
            raise UserError(f'{where}: no category {category!r}.', fix='export it again.')
        if names[category] not in classes:
            counts['objects of other classes left out'] += 1
        else:
            crowd = _is_crowd(ann) and not options.crowds_as_objects
            _add(images[image_id], ann, names[category], where, counts, crowd)
    return list(images.values())


def _image(item: Any, folder: Path, path: Path) -> tuple[Any, AnnotatedImage]:
    """Id and file of an entry of ``images``, whose size must be the file's."""
    if not isinstance(item, dict) or 'id' not in item or not isinstance(item.get('file_name'), str):
        raise UserError(f'{path}: an image is {item!r:.80}.', rule='it has id and file_name.', fix='add them.')
    image = open_named(folder, item['file_name'], path.name)
    noted = _plain_id(item.get('height')), _plain_id(item.get('width'))
    if None not in noted and noted != (image.height, image.width):
        raise UserError(f'{path}: {item["file_name"]} is {noted[1]} x {noted[0]}, the file is {image.width} x '
                        f'{image.height}.', rule='equal sizes.', fix='give the folder of these images (--image-dir).')
    key = _plain_id(item['id'])
    image.coco_id = key if isinstance(key, int) else None
    return key, image


def _is_crowd(ann: Mapping[str, Any]) -> bool:
    return ann.get('iscrowd') in (1, '1')  # null is none


def _plain_id(value: Any) -> Any:
    """An id as it is compared: '1' and 1.0 are 1; what cannot be an id is its own text."""
    if not isinstance(value, (str, int, float, type(None))):
        return f'{value!r:.40}'
    try:
        return int(value) if value is not None and float(value) == int(value) else value
    except (ValueError, OverflowError):
        return value


def _require_objects(annotations: Sequence[Any], path: Path, options: ReadOptions) -> None:
    """UserError where every annotation is a crowd, as Datumaro writes masks: no training would use one."""
    crowds = sum(isinstance(ann, dict) and _is_crowd(ann) for ann in annotations)
    if annotations and crowds == len(annotations) and not options.crowds_as_objects:
        raise UserError(f'{path}: all {crowds} annotations have iscrowd 1, which training leaves out.',
                        rule='1 is for several objects in one mask.',
                        fix='--crowds objects if each is one object.')


def _add(image: AnnotatedImage, ann: Mapping[str, Any], name: str, where: str, counts: Counter[str],
         crowd: bool) -> None:
    """Add an annotation's mask to its image."""
    segmentation = ann.get('segmentation')
    score = ann.get('score')
    if score is not None and (not isinstance(score, (int, float)) or not 0 <= score <= 1):
        raise UserError(f'{where}: the score is {score!r}.', rule='a number from 0 to 1.', fix='export it again.')
    facts: dict[str, Any] = {'score': None if score is None else float(score), 'crowd': crowd}
    if not segmentation:
        counts['boxes without a mask left out'] += 1
        return
    if isinstance(segmentation, Mapping):
        problem = check_rle(segmentation, image.height, image.width)
        if problem:
            raise UserError(f'{where}: {problem}.', fix='export it again.')
        image.add_rle(name, text_rle(as_rle(segmentation, image.height, image.width)), counts, **facts)
        return
    polygons = _flat(segmentation)
    problem = check_polygons(polygons, image.height, image.width)
    if problem is None and any(len(polygon) % 2 for polygon in polygons):
        problem = 'a polygon has an odd number of coordinates'
    if problem:
        raise UserError(f'{where}: {problem}.', fix='export it again.')
    image.add_outlines(name, [np.reshape(np.array(polygon, float), (-1, 2)) for polygon in polygons], counts, **facts)


def _flat(segmentation: Any) -> list[Any]:
    """COCO's list of flat polygons, also of one flat polygon, or of points [x, y]."""
    if isinstance(segmentation, list) and segmentation and all(isinstance(v, (int, float)) for v in segmentation):
        return [segmentation]
    if not isinstance(segmentation, list):
        return [segmentation]
    if all(isinstance(part, list) and len(part) == 2 and not isinstance(part[0], list) for part in segmentation):
        return [[value for point in segmentation for value in point]]
    return [[value for point in part for value in point] if isinstance(part, list) and part
            and all(isinstance(point, list) for point in part) else part for part in segmentation]


def image_folder(images: Sequence[Any], path: Path, given: Path | None) -> Path:
    """The folder that the file names start from: the given one, or the first around the file that has the first image.

    Raises:
        UserError: none of them has it.
    """
    split = _split_name(path)
    around = [path.parent, path.parent / 'images', path.parent.parent, path.parent.parent / 'images',
              path.parent.parent / split, path.parent.parent / 'images' / split]
    folders = [given] if given is not None else around
    names = [item['file_name'] for item in images[:1]
             if isinstance(item, dict) and isinstance(item.get('file_name'), str)]
    for folder in folders:
        if not names or find_file(folder / names[0]) is not None:
            return folder
    raise UserError(f'{names[0]}, the first image of {path.name}, is not in {folders[0]}'
                    f'{" or around it" if given is None else ""}.', fix='--image-dir DIR')


def write_coco(annotations: AnnotationSet, out: Path) -> list[Path]:
    """Write ``annotations/instances_<split>.json``, a COCO data set; predictions keep their ``score``.

    File names start at ``out/images/<split>``, where CVAT, Datumaro and others look for them, or are those of the
    source where images were not copied.
    """
    written = []
    for split, images in annotations.splits.items():
        builder = coco_builder(annotations, images)
        written.append(out / 'annotations' / f'instances_{split}.json')
        builder.save(written[-1])
        annotations.counts.update(+builder.counts)
    return written
