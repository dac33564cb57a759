"""Check semantic label maps: pairs exist, sizes are equal, a sample of the maps fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.fileio import list_dir_or_file, list_from_file

from mmseg_plugins.data_check.check_report import DatasetReport, spread
from mmseg_plugins.data_check.image_check import ImageOptions, Loading, OwnSteps, images_to_open, open_image
from mmseg_plugins.structures.image_headers import read_header
from mmseg_plugins.structures.images import missing_files, read_label_map
from mmseg_plugins.utils.suggest import what_is_there

ARRAYS = ('.npy', '.npz', '.nii', '.nii.gz')  # read by transforms of their own


@dataclass(frozen=True)
class MapSource:
    """A set with label maps.

    Attributes:
        name: place in the config.
        img_dir, map_dir: folders of images and of label maps.
        classes: names in label order (things, then stuff).
        things: names of the things of a panoptic set; None where all are of one kind.
        ann_file: panoptic JSON, or for semantic sets a list of stems; None lists ``img_dir``.
        img_suffix, map_suffix: of semantic sets.
        ignore_index, reduce_zero_label, label_map: as mmseg's loader applies them.
        loading: how the config loads images.
        labels_by: the step that reads label maps where it is not the hosts'; they are not opened then.
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
    loading: Loading = None
    labels_by: str = ''
    things: tuple[str, ...] | None = None


def folder_problems(*folders: Path) -> list[str]:
    """Sentences about folders that do not exist."""
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
    report.errors += folder_problems(*folders)
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
        present = [stem for stem in stems if stem not in missing]
        report.paths = [source.img_dir / (stem + source.img_suffix) for stem in present]
        _check_images(report, source, present, options or ImageOptions())
        return report
    report.annotations = sum((source.map_dir / (stem + source.map_suffix)).is_file() for stem in stems)
    pairs = [stem for stem in stems if stem not in missing]
    report.paths = [source.img_dir / (stem + source.img_suffix) for stem in pairs]
    _check_sizes(report, source, pairs, options or ImageOptions())
    if source.labels_by:
        report.notes.append(f'label maps are read by {source.labels_by}: they were not opened')
    else:
        _check_labels(report, source, pairs, sample)
    if source.ann_file is None or source.ann_file.is_dir():
        _note_maps_without_image(report, source, stems)
    return report


def _check_images(report: DatasetReport, source: MapSource, stems: Sequence[str], options: ImageOptions) -> None:
    """Open the headers of images that have no maps."""
    use = 'trained on without labels' if source.name.startswith('train') else 'predicted, not measured'
    report.notes.append(f'the images have no label maps: they are {use}')
    if _cannot_be_opened(source) or not options.files:
        return
    chosen, decode = images_to_open(report.paths, options, source.loading)
    for i in chosen:
        name = stems[i] + source.img_suffix
        open_image(report, source.img_dir / name, (name, None, None), decode, source.loading)


def _cannot_be_opened(source: MapSource) -> bool:
    return source.img_suffix.lower().endswith(ARRAYS) and not isinstance(source.loading, OwnSteps)


def _check_sizes(report: DatasetReport, source: MapSource, pairs: Sequence[str], options: ImageOptions) -> None:
    """Compare the sizes of images and maps by their headers."""
    if _cannot_be_opened(source):
        report.notes.append(f'the sizes of *{source.img_suffix} files were not compared with their maps')
        return
    chosen, decode = images_to_open(report.paths, options, source.loading)
    for i in chosen:
        image_name, map_name = pairs[i] + source.img_suffix, pairs[i] + source.map_suffix
        image = open_image(report, source.img_dir / image_name, (image_name, None, None), decode, source.loading)
        if image is None or source.labels_by:
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
    ignored = source.ignore_index
    plain = source.stored_values is None and not source.reduce_zero_label
    if plain and ignored in present and 0 <= ignored < len(source.classes):
        report.warnings.append(
            f'label {ignored} is the class {source.classes[ignored]!r} and the ignored label: '
            'nothing of this class is learned or measured. Fix: another ignore_index, or leave the class out.')
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
    if values[-1] > 255:
        return (f"labels up to {values[-1]}, and mmseg's LoadAnnotations keeps 8 bits: 256 becomes 0. Rule: labels are "
                '0..255. Fix: write the maps with numbers up to 255, 255 for what is ignored')
    number = source.stored_values if source.stored_values is not None else len(source.classes)
    first = 1 if source.reduce_zero_label else 0  # 0 becomes the ignored label then
    wrong = [v for v in values if not (first <= v < number + first) and v not in (source.ignore_index, first - 1)]
    if not wrong:
        return None
    return (
        f'labels {wrong[:8]}{" ..." if len(wrong) > 8 else ""} are neither in {first}..{number - 1 + first} '
        f'({number} classes, reduce_zero_label={source.reduce_zero_label}) nor the ignored {source.ignore_index}'
    )
