"""Images that are in several data sets of a run, or twice in one: told by their bytes, whatever their names.

Bytes are read where sizes agree alone, and whole files where a piece from the middle agrees, too.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from mmseg_plugins.data_check.check_report import DatasetReport

MOST_WITHIN = 20_000  # images of a set up to which it is compared with itself
_PIECE = 4096  # bytes from the middle of a file
_BLOCK = 2**20


class _File(NamedTuple):
    """An image: which report it is of, its place in it, its path."""

    report: int
    place: int
    path: Path


def add_shared_files(reports: Sequence[DatasetReport]) -> None:
    """Add a warning for each pair of splits that share images, and notes for images that are twice in one split."""
    groups: list[list[_File]] = []
    for files in _of_equal_size(reports):
        if not _concerns(files, reports):
            continue
        for part in _split(files, _piece):
            if _concerns(part, reports):
                groups += [group for group in _split(part, _digest) if _concerns(group, reports)]
    pairs: dict[tuple[int, int], list[tuple[_File, _File]]] = defaultdict(list)
    for group in groups:
        first: dict[int, _File] = {}
        for file in group:
            for other in {**first, file.report: first.get(file.report, file)}.values():
                if other is not file:
                    pairs[other.report, file.report].append((other, file))
            first.setdefault(file.report, file)
    for (a, b), found in sorted(pairs.items()):
        _tell(reports[a], reports[b], found)


def add_same_data(report: DatasetReport, name: str) -> None:
    """Say in the report of a set that the set ``name`` of the same run reads the same files."""
    splits = {split_of(report), name.split('[')[0]}
    if 'train' in splits and len(splits) > 1:
        report.warnings.append(
            f'{report.name} and {name} read the same files. Rule: scores are measured on images that training has not '
            'seen. Fix: a set of its own for each.')
    else:
        report.notes.append(f'{name} reads the same files')


def _tell(one: DatasetReport, other: DatasetReport, found: Sequence[tuple[_File, _File]]) -> None:
    shown = '; '.join(_names(a, b) for a, b in found[:3]) + (' ...' if len(found) > 3 else '')
    if split_of(one) == split_of(other):
        where = 'twice' if one is other else f'also in {one.name}'
        other.notes.append(f'{len(found)} of the {len(other.paths)} images are there {where}, byte for byte: {shown}')
        return
    seen = split_of(one) == 'train'
    other.warnings.append(
        f'{len({file.place for _, file in found})} of the {len(other.paths)} images of {other.name} are also in '
        f'{one.name}, byte for byte: {shown}. Rule: '
        + (f'scores of {split_of(other)} are measured on images that training has not seen.' if seen else
           'a choice made on val is confirmed by other images of test.')
        + ' Fix: remove them from one of the two.')


def _names(a: _File, b: _File) -> str:
    return a.path.name if a.path.name == b.path.name else f'{b.path.name} is {a.path.name}'


def split_of(report: DatasetReport) -> str:
    """``train`` of ``train[1]``."""
    return report.name.split('[')[0]


def _of_equal_size(reports: Sequence[DatasetReport]) -> Iterable[list[_File]]:
    sizes: dict[int, list[_File]] = defaultdict(list)
    for number, report in enumerate(reports):
        for place, path in enumerate(report.paths):
            try:
                sizes[os.stat(path).st_size].append(_File(number, place, path))
            except OSError:  # missing files are a finding of their own
                continue
    sizes.pop(0, None)
    return sizes.values()


def _concerns(files: Sequence[_File], reports: Sequence[DatasetReport]) -> bool:
    """Whether files are worth a comparison: of several splits, or of a set that is compared with itself."""
    if len(files) < 2:
        return False
    splits = {split_of(reports[file.report]) for file in files}
    return len(splits) > 1 or sum(len(report.paths) for report in reports if split_of(report) in splits) <= MOST_WITHIN


def _split(files: Iterable[_File], key: Callable[[Path], bytes]) -> list[list[_File]]:
    """Files grouped by what ``key`` gives of their paths; those that cannot be read are left out."""
    parts: dict[bytes, list[_File]] = defaultdict(list)
    for file in files:
        try:
            parts[key(file.path)].append(file)
        except OSError:
            continue
    return list(parts.values())


def _piece(path: Path) -> bytes:
    with open(path, 'rb', buffering=0) as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size // 2 - _PIECE // 2))
        return stream.read(_PIECE)


def _digest(path: Path) -> bytes:
    digest = hashlib.blake2b(digest_size=20)
    with open(path, 'rb', buffering=0) as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.digest()
