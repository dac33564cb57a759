"""COCO panoptic files made of objects and label maps, and objects and label maps made of them.

Layout: ``annotations/panoptic_<split>.json`` and ``panoptic_<split>/<image name>.png`` (id = R + 256 G + 65536 B),
the PNG named as ``mmdet.CocoPanopticDataset`` looks for it.  Format: https://cocodataset.org/#format-data, 4.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.data_prep.annotations import AnnotatedImage, AnnotationSet, coco_builder, open_named, require_size
from mmseg_plugins.data_prep.coco_files import image_folder
from mmseg_plugins.data_prep.common import read_json_object
from mmseg_plugins.structures.images import read_label_map, save_image
from mmseg_plugins.structures.masks import coco_box
from mmseg_plugins.structures.panoptic_ids import decode_ids, ids_as_bgr
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError

OVERLAPS = ('smaller', 'first')
VOID_LABEL = 255  # of the label maps that are written


@dataclass(frozen=True)
class PanopticJob:
    """How segments are made.

    Args:
        out: The folder.
        overlaps: Whose a pixel of several objects is: ``smaller``, of the object with fewer pixels (of equal ones the
            first), or ``first``, of the one that comes first in the file.  Crowds give way to objects.
        stuff: Label map value -> stuff class.
        label_dir: Folder of the label maps, ``<image name>.png``; None without.
        uncovered: Stuff class of pixels that are in no object and of no stuff label; None is void.
    """

    out: Path
    overlaps: str = 'smaller'
    stuff: Mapping[int, str] = field(default_factory=dict)
    label_dir: Path | None = None
    uncovered: str | None = None

    def stuff_classes(self) -> list[str]:
        """Names in label order; several values may have one name."""
        names = [*self.stuff.values(), *([self.uncovered] if self.uncovered else [])]
        return list(dict.fromkeys(names))


def object_ids(image: AnnotatedImage, overlaps: str) -> np.ndarray:
    """Number of the object, from 1, of each pixel (H, W) int32; 0 where there is none."""
    masks = [item.dense(image.height, image.width) for item in image.objects]

    def rank(index: int) -> tuple[bool, int, int]:
        return image.objects[index].crowd, int(masks[index].sum()) if overlaps == 'smaller' else 0, index

    ids = np.zeros((image.height, image.width), np.int32)
    for index in sorted(range(len(masks)), key=rank, reverse=True):  # the strongest is painted last
        ids[masks[index]] = index + 1
    return ids


def segments_of(image: AnnotatedImage, job: PanopticJob, categories: Mapping[str, int], counts: Counter[str]
                ) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Ids (H, W) int32 and ``segments_info`` of an image; objects come first, then stuff."""
    ids = object_ids(image, job.overlaps)
    found: dict[int, tuple[str, bool]] = {k: (item.name, item.crowd) for k, item in enumerate(image.objects, start=1)}
    layers: dict[str, np.ndarray] = {}
    if job.label_dir is not None:
        labels = _label_map(job.label_dir / png_name(image.name), image)
        for value, name in job.stuff.items():
            layers[name] = layers.get(name, np.zeros(labels.shape, bool)) | (labels == value)
    free = ids == 0
    if job.uncovered:
        rest = free.copy()
        for mask in layers.values():
            rest &= ~mask
        layers[job.uncovered] = layers.get(job.uncovered, np.zeros_like(free)) | rest
    for number, (name, mask) in enumerate(layers.items(), start=len(found) + 1):
        ids[free & mask] = number
        found[number] = name, False
    segments = []
    for number, (name, crowd) in found.items():
        mask = ids == number
        if mask.any():
            segments.append({'id': number, 'category_id': categories[name], 'area': int(mask.sum()),
                             'bbox': coco_box(mask), 'iscrowd': int(crowd)})
        elif number <= len(image.objects):
            counts['objects hidden by others left out'] += 1
    return ids, segments


def png_name(name: str) -> str:
    """Where ``mmdet.CocoPanopticDataset`` looks for the map of an image, by its name.

    Raises:
        UserError: it would look for a file that is no PNG.
    """
    png = name.replace('.jpg', '.png')
    if not png.endswith('.png'):
        raise UserError(f'the panoptic map of {name} has no name.', rule='images are .jpg or .png (small letters).',
                        fix='convert or rename the images.')
    return png


def _label_map(path: Path, image: AnnotatedImage) -> np.ndarray:
    labels = read_label_map(path)
    if labels is None or labels.ndim != 2:
        raise UserError(f'{path} is no label map of {image.name}.', rule='a gray or palette PNG.',
                        fix='correct --label-dir.')
    require_size(labels.shape, image, str(path))
    return labels


def write_panoptic(annotations: AnnotationSet, job: PanopticJob) -> list[Path]:
    """Write maps and JSON of each split; returns the paths of the JSONs.

    Raises:
        UserError: a stuff class that is a class of the objects too; an image whose map has no name; label maps that
            are absent or of another size.
    """
    stuff = job.stuff_classes()
    double = sorted(set(stuff) & set(annotations.classes))
    if double:
        raise UserError(f'{double[0]!r} is a class of objects.', rule='a class is a thing or stuff.',
                        fix='another name of the stuff, or --classes without it.')
    names = [*annotations.classes, *stuff]
    categories = [{'id': number, 'name': name, 'supercategory': '', 'isthing': int(name not in stuff)}
                  for number, name in enumerate(names, start=1)]
    by_name = {name: number for number, name in enumerate(names, start=1)}
    written = []
    for split, images in annotations.splits.items():
        entries, notes = [], []
        for number, image in zip(image_ids(images), images, strict=True):
            png = png_name(image.name)
            ids, segments = segments_of(image, job, by_name, annotations.counts)
            save_image(job.out / f'panoptic_{split}' / png, ids_as_bgr(ids))
            entries.append({'id': number, 'file_name': image.name, 'height': image.height, 'width': image.width})
            notes.append({'image_id': number, 'file_name': png, 'segments_info': segments})
        content = {'images': entries, 'annotations': notes, 'categories': categories}
        written.append(_write_json(job.out / 'annotations' / f'panoptic_{split}.json', content))
    return written


def image_ids(images: Sequence[AnnotatedImage]) -> list[int]:
    """The ids of the COCO file that the images are from, so that its objects are compared with predictions of the same
    images; 1, 2, ... where an image has none.
    """
    known = [image.coco_id for image in images if image.coco_id is not None]
    return known if len(known) == len(images) else list(range(1, len(images) + 1))


def _write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(str(path), (json.dumps(content, separators=(',', ':')) + '\n').encode())
    return path


def write_parts(source: Path, out: Path, image_dir: Path | None = None) -> list[Path]:
    """A panoptic JSON -> ``annotations/instances_<split>.json`` of its things (masks as RLE, crowds kept) and label
    maps ``semantic_<split>/<image name>.png`` (the place of the category in the JSON; 255 is void).

    The PNG folder is named as the JSON, next to it or to its folder.

    Raises:
        UserError: no panoptic JSON; maps or images that are not found; a segment of no category.
    """
    content = read_json_object(source)
    split = source.stem.removeprefix('panoptic_')
    maps = next((folder / source.stem for folder in (source.parent, source.parent.parent)
                 if (folder / source.stem).is_dir()), None)
    notes = content.get('annotations', [])
    if not {'images', 'categories'} <= set(content) or not notes or 'segments_info' not in notes[0] or maps is None:
        raise UserError(f'{source} is no panoptic JSON with its maps.',
                        rule=f'annotations with segments_info, and a folder {source.stem} of PNG files around it.',
                        fix='correct the path.')
    names = [str(item['name']) for item in content['categories']]
    things = [item['name'] for item in content['categories'] if item.get('isthing', 1)]
    labels = {item['id']: label for label, item in enumerate(content['categories'])}
    folder = image_folder(content['images'], source, image_dir)
    images = {item['id']: open_named(folder, item['file_name'], source.name) for item in content['images']}
    for key, opened in images.items():
        opened.coco_id = key if isinstance(key, int) else None
    annotations = AnnotationSet(things, {split: list(images.values())})
    for note in notes:
        image, path = images.get(note['image_id']), maps / note['file_name']
        if image is None or not path.is_file():
            raise UserError(f'{source}: the annotation of image {note["image_id"]!r} has no image or no map {path}.',
                            fix='export it again.')
        ids = decode_ids(path.read_bytes(), str(path))
        require_size(ids.shape, image, str(path))
        semantic = _add_segments(image, ids, note['segments_info'], names, labels, set(things))
        save_image(out / f'semantic_{split}' / png_name(image.name), semantic)
    builder = coco_builder(annotations, annotations.splits[split])
    kept = image_ids(annotations.splits[split])
    for entry in builder.annotations:
        entry['image_id'] = kept[entry['image_id'] - 1]
    for entry, number in zip(builder.images, kept, strict=True):
        entry['id'] = number
    target = out / 'annotations' / f'instances_{split}.json'
    builder.save(target)
    return [target, out / f'semantic_{split}']


def _add_segments(image: AnnotatedImage, ids: np.ndarray, segments: Sequence[Mapping[str, Any]], names: Sequence[str],
                  labels: Mapping[Any, int], things: set[str]) -> np.ndarray:
    """Add the things to the image; returns the label map (H, W) uint8."""
    semantic = np.full(ids.shape, VOID_LABEL, np.uint8)
    for item in segments:
        label = labels.get(item['category_id'])
        if label is None:
            raise UserError(f'{image.name}: a segment has the category {item["category_id"]!r}, which is not listed.',
                            fix='export it again.')
        mask = ids == item['id']
        semantic[mask] = label
        if names[label] in things:
            image.add_mask(names[label], mask, Counter(), crowd=bool(item.get('iscrowd')))
    return semantic
