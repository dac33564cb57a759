"""Check the files of an ``SBDInstanceDataset`` as it will read them: a report, nothing printed or raised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_plugins.data_check.check_report import DatasetReport
from mmseg_plugins.data_check.image_check import ImageOptions, Loading, image_loading, images_to_open, open_image
from mmseg_plugins.datasets.sbd_files import CLASSES, FOLDERS, KNOWN_LISTS, SUFFIXES, read_instances, read_names
from mmseg_plugins.structures.images import missing_files
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track
from mmseg_plugins.utils.suggest import did_you_mean, what_is_there


@dataclass(frozen=True)
class SBDSource:
    """One SBD data set of a config: its place there, list, folders and classes; see ``SBDInstanceDataset``."""

    name: str
    list_file: Path
    folders: tuple[tuple[str, Path], ...]
    classes: tuple[str, ...]
    filter_empty: bool = False
    loading: Loading = None


def sbd_source(name: str, dataset: Mapping[str, Any], classes: tuple[str, ...]) -> SBDSource:
    """What :func:`check_sbd` needs of a data set's config."""
    root, prefix = Path(str(dataset.get('data_root') or '')), {**FOLDERS, **(dataset.get('data_prefix') or {})}
    rules = {} if dataset.get('test_mode') else dataset.get('filter_cfg') or {}
    return SBDSource(
        name=name,
        list_file=root / str(dataset.get('ann_file') or ''),
        folders=tuple((key, root / str(prefix[key])) for key in SUFFIXES),
        classes=classes,
        filter_empty=bool(rules.get('filter_empty_gt', False)),
        loading=image_loading(dataset.get('pipeline')),
    )


def check_sbd(source: SBDSource, options: ImageOptions | None = None) -> DatasetReport:
    """Look for all files, open the label maps and headers of at most ``options.max_headers`` images."""
    options = options or ImageOptions()
    report = DatasetReport(source.name, str(source.list_file), classes=source.classes, categories=CLASSES)
    for name in source.classes:
        if name not in CLASSES:
            known = did_you_mean(name, CLASSES)
            report.errors.append(f'SBD has no class {name!r}{known}. Rule: they are {CLASSES}. Fix: correct classes.')
    try:
        names = read_names(source.list_file)
    except UserError as error:
        report.errors.append(str(error))
        return report
    report.images = len(names)
    if len(names) in KNOWN_LISTS:
        report.notes.append(f'{len(names)} images: {KNOWN_LISTS[len(names)]}')
    _look_for_files(report, source, names)
    if not report.problems():
        _open_files(report, source, names, options)
    return report


def _look_for_files(report: DatasetReport, source: SBDSource, names: list[str]) -> None:
    for key, folder in source.folders:
        if not folder.is_dir():
            report.errors.append(
                f'the folder {folder} does not exist. {what_is_there(folder, folders=True)} Fix: correct data_root, or '
                f'data_prefix=dict({key}=...).'
            )
            continue
        files = [name + SUFFIXES[key] for name in names]
        kind = 'missing_image' if key == 'img' else 'missing_map'
        for i in missing_files(folder, files):
            report.add(kind, files[i], names[i], None, f'not in {folder}')


def _open_files(report: DatasetReport, source: SBDSource, names: list[str], options: ImageOptions) -> None:
    folders = dict(source.folders)
    instances: Counter[str] = Counter()
    holders: Counter[str] = Counter()
    empty = 0
    report.paths = [folders['img'] / (name + SUFFIXES['img']) for name in names]
    chosen, decode = images_to_open(report.paths, options, source.loading)
    for i in track(chosen, description=f'Checking SBD files of {source.name}'):
        files = {key: folders[key] / (names[i] + suffix) for key, suffix in SUFFIXES.items()}
        try:
            (height, width), found = read_instances(files['inst'], files['cls'])
        except UserError as error:
            report.add('bad_map', names[i], names[i], None, str(error))
            continue
        labels = Counter(CLASSES[instance.label] for instance in found)
        instances += labels
        holders += Counter(labels.keys())
        empty += not any(name in source.classes for name in labels)
        header = open_image(report, files['img'], (files['img'].name, names[i], None), decode, source.loading)
        if header is None:
            continue
        if (header.width, header.height) != (width, height):
            detail = f'the image is {header.width} x {header.height}, its label maps {width} x {height}'
            report.add('bad_map', files['img'].name, names[i], None, detail)
    report.annotations = sum(instances.values())
    report.histogram = {name: (instances[name], holders[name]) for name in source.classes}
    if len(chosen) < len(names):
        report.notes.append(
            f'all {len(names)} images and label maps were looked for, {len(chosen)} of them opened; the numbers of '
            'objects are those of the opened ones (data_check.max_headers; decode_images=True opens all)'
        )
        return
    report.kept_images = len(names) - empty if source.filter_empty else len(names)
    report.kept_annotations = sum(instances[name] for name in source.classes)
    if not report.kept_annotations and not report.problems():
        report.errors.append(
            f'no object of the classes {source.classes} in {len(names)} images. Rule: something must remain. '
            'Fix: other classes, or another list.'
        )
