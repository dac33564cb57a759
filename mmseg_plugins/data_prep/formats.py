"""The formats of annotations: one table of readers and writers, how a format is told, and the conversion itself."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath

from mmseg_plugins.data_check.coco_structure import read_json
from mmseg_plugins.data_prep.annotations import AnnotationSet, ReadOptions, divided
from mmseg_plugins.data_prep.coco_files import INDEX, NO_SPLIT, RESULTS, read_coco, write_coco
from mmseg_plugins.data_prep.label_images import find_pairs, read_label_images, write_label_images
from mmseg_plugins.data_prep.labelme import read_labelme, write_labelme
from mmseg_plugins.data_prep.mask_folders import read_mask_folders
from mmseg_plugins.data_prep.names import by_key, match_key, output_stems
from mmseg_plugins.data_prep.via import read_via
from mmseg_plugins.data_prep.yolo import find_yaml, read_yolo, write_yolo
from mmseg_plugins.structures.images import files_below
from mmseg_plugins.structures.rle import encode_mask
from mmseg_plugins.utils.errors import UserError

Reader = Callable[[Path, ReadOptions], AnnotationSet]
Writer = Callable[[AnnotationSet, Path], list[Path]]
IMAGE_MODES = ('copy', 'link', 'none')


@dataclass(frozen=True)
class Format:
    """A format of annotations.

    Attributes:
        what: One line for ``--help``.
        read: A source -> its annotations.
        write: Annotations -> files below a folder; None where there is only a reader.
        own_images: Whether what is written is of use only with the images in its place.
        uses: Fields of :class:`ReadOptions` that the reader looks at.
    """

    what: str
    read: Reader
    write: Writer | None = None
    own_images: bool = True
    uses: tuple[str, ...] = ()


FORMATS = {
    'coco': Format('COCO instances, or the folder that predict wrote', read_coco, write_coco, own_images=False,
                   uses=('classes', 'image_dir', 'crowds_as_objects')),
    'yolo': Format('YOLO segmentation: data.yaml, images, labels', read_yolo, write_yolo, uses=('classes',)),
    'labelme': Format('a JSON of shapes per image (labelme, X-AnyLabeling)', read_labelme, write_labelme,
                      uses=('classes', 'image_dir')),
    'label-images': Format('an image of object numbers per image (cellpose, StarDist, Cityscapes)', read_label_images,
                           write_label_images, uses=('classes', 'class_name', 'image_dir', 'background', 'id_divisor',
                                                     'separate_parts')),
    'masks': Format('a mask file per object', read_mask_folders, uses=('classes', 'class_name', 'image_dir')),
    'via': Format('a VGG Image Annotator export', read_via,
                  uses=('classes', 'class_name', 'image_dir', 'class_attribute')),
}
OPTION_WORDS = {'crowds_as_objects': '--crowds objects'}  # where they are not the field's name


def require_used(name: str, options: ReadOptions) -> None:
    """UserError for an option that a format has no use for."""
    for field in fields(options):
        value = getattr(options, field.name)
        given = tuple(value) if isinstance(value, list) else value
        if given != field.default and field.name not in FORMATS[name].uses:
            option = OPTION_WORDS.get(field.name, '--' + field.name.replace('_', '-'))
            users = ', '.join(other for other, one in FORMATS.items() if field.name in one.uses)
            raise UserError(f'{option} has no meaning for {name}.', rule=f'it is for {users}.',
                            fix='leave it out, or name another format by --from.')


def detect_format(source: Path, options: ReadOptions) -> str:
    """The name of a source's format, told from its files.

    Raises:
        UserError: there is no such path, or nothing of any format.
    """
    if not source.exists():
        raise UserError(f'{source} does not exist.', fix='correct the path.')
    if source.is_file():
        if source.suffix.lower() in ('.yaml', '.yml'):
            return 'yolo'
        found = _json_kind(source)
        if found:
            return found
        raise UserError(f'{source} is no file of annotations.', rule='a yaml, or a JSON of COCO, labelme or VIA.',
                        fix='give the folder of the data set, or --from FORMAT.')
    if find_yaml(source):
        return 'yolo'
    if (source / RESULTS).is_file() and (source / INDEX).is_file():
        return 'coco'
    kinds = {kind for path in files_below(source, ('.json',))[:200] if (kind := _json_kind(path))}
    for kind in ('labelme', 'coco', 'via'):
        if kind in kinds and len(kinds) == 1:
            return kind
    if kinds:
        raise UserError(f'{source} holds files of {" and ".join(sorted(kinds))}.', fix='--from FORMAT, one of them.')
    if any(path.name not in ('classes.txt', 'train.txt', 'val.txt') for path in files_below(source, ('.txt',))
           if 'labels' in [part.lower() for part in path.relative_to(source).parts] or path.with_suffix('.jpg').exists()
           or path.with_suffix('.png').exists()):
        return 'yolo'  # without yaml
    images, labels = find_pairs(source, options.image_dir)
    keys = by_key(images)
    return 'label-images' if all(match_key(name) in keys for name in labels) else 'masks'


def _json_kind(path: Path) -> str | None:
    content, _ = read_json(path)
    if isinstance(content, list):
        return 'coco' if path.name == RESULTS else None
    if not isinstance(content, dict):
        return None
    if isinstance(content.get('shapes'), list):
        return 'labelme'
    if {'images', 'categories'} <= set(content):
        return 'coco'
    entries = content.get('_via_img_metadata', content)
    is_via = isinstance(entries, dict) and entries and all(isinstance(e, dict) and 'regions' in e
                                                           for e in entries.values())
    return 'via' if is_via else None


def read_annotations(source: Path, name: str, options: ReadOptions) -> tuple[str, AnnotationSet]:
    """The format that was read (told from the files for ``'auto'``) and what it holds."""
    name = detect_format(source, options) if name == 'auto' else name
    require_used(name, options)
    if name == 'labelme' and source.is_file():
        source = source.parent
    return name, FORMATS[name].read(source, options)


def above_score(annotations: AnnotationSet, least: float) -> None:
    """Leave out objects with a lower score, in place, and count them."""
    for image in annotations.images():
        kept = [item for item in image.objects if item.score is None or item.score >= least]
        annotations.counts[f'objects with a score below {least:g} left out'] += len(image.objects) - len(kept)
        image.objects = kept


def without_crowds(annotations: AnnotationSet) -> None:
    """Leave out COCO's crowds, which other formats do not know, in place, and count them."""
    for image in annotations.images():
        kept = [item for item in image.objects if not item.crowd]
        annotations.counts['crowds left out'] += len(image.objects) - len(kept)
        image.objects = kept


def as_polygons(annotations: AnnotationSet) -> None:
    """Turn masks into outlines along their pixel edges, in place; crowds stay masks, as COCO has them."""
    for image in annotations.images():
        for item in image.objects:
            if item.mask is not None and not item.crowd:
                item.outlines, item.mask = item.polygons(), None


def as_masks(annotations: AnnotationSet) -> None:
    """Turn outlines into masks, as pycocotools fills them, in place."""
    for image in annotations.images():
        for item in image.objects:
            if item.mask is None:
                item.mask, item.outlines = encode_mask(item.dense(image.height, image.width)), []


def place_images(annotations: AnnotationSet, out: Path, mode: str) -> None:
    """Give each image its place ``<split>/<name>`` and copy it (or link it) to there below ``out/images``.

    Names keep their subfolders, but for one that is the split; where two names differ only in their suffix, it becomes
    part of them.
    """
    for split, images in annotations.splits.items():
        stems = output_stems([_below_split(image.name, split) for image in images])
        double = [stem for stem, number in Counter(stems).items() if number > 1]
        if double:
            raise UserError(f'two images would be {split}/{double[0]}.', rule='names differ.', fix='rename one.')
        for image, stem in zip(images, stems, strict=True):
            image.place = f'{split}/{stem}{image.path.suffix}'
            target = out / 'images' / image.place
            if mode == 'none' or (target.exists() and target.samefile(image.path)):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            if mode == 'link':
                os.symlink(image.path.resolve(), target)
            else:
                shutil.copyfile(image.path, target)


def _below_split(name: str, split: str) -> str:
    parts = [part for part in PurePosixPath(name).parts if part not in ('/', '..', '.')]
    if parts[0].lower() == 'images' and len(parts) > 1:
        parts = parts[1:]
    return '/'.join(parts[1:] if parts[0] == split and len(parts) > 1 else parts)


@dataclass(frozen=True)
class ConversionJob:
    """What is written.

    Args:
        to: A format with a writer.
        out: The folder.
        images: ``copy``, ``link`` or ``none``; None copies them for formats that need them.
        masks: ``keep``, ``rle`` or ``polygons``, of COCO.
        score_thr: Least score of objects that have one.
        val_fraction: Part of the images that becomes ``val``.
        seed: Of that choice.
    """

    to: str
    out: Path
    images: str | None = None
    masks: str = 'keep'
    score_thr: float = 0.0
    val_fraction: float = 0.0
    seed: int = 0


def convert_annotations(source: Path, name: str, options: ReadOptions, job: ConversionJob
                        ) -> tuple[str, AnnotationSet, list[Path]]:
    """Read a source and write it in another format.

    Returns:
        The format that was read, what was written (with the counts of what was left out), and its paths.

    Raises:
        UserError: of the reader, or a format that is not written.
    """
    target = FORMATS[job.to]
    if target.write is None:
        raise UserError(f'{job.to} is only read.', rule=f'written are {writable()}.', fix='--to coco')
    if source.is_dir() and job.out.resolve() == source.resolve():
        raise UserError(f'--out-dir {job.out} is the source itself.', rule='a folder of its own.', fix='name another.')
    name, annotations = read_annotations(source, name, options)
    above_score(annotations, job.score_thr)
    if job.to != 'coco':
        without_crowds(annotations)
        if list(annotations.splits) == [NO_SPLIT]:
            annotations.splits = {'train': annotations.splits[NO_SPLIT]}
    annotations = divided(annotations, job.val_fraction, job.seed)
    if job.masks != 'keep':
        (as_polygons if job.masks == 'polygons' else as_masks)(annotations)
    mode = job.images or ('copy' if target.own_images else 'none')
    if mode != 'none' or target.own_images:
        place_images(annotations, job.out, mode)
    return name, annotations, target.write(annotations, job.out)


def writable() -> tuple[str, ...]:
    """Names of the formats that are written."""
    return tuple(name for name, one in FORMATS.items() if one.write is not None)
