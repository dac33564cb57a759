"""The overfit table of all systems: which configs stand for them, one JSON line per measurement, the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_plugins.benchmark.overfit import Settings
from mmseg_plugins.benchmark.pages import set_block
from mmseg_plugins.benchmark.short_runs import SCORES
from mmseg_plugins.config.paths import iter_configs
from mmseg_plugins.utils.errors import UserError

#: The small recipes: ``<system>_<iterations>it[-crop...]_<data>``.
_SMALL = re.compile(r'(?P<system>.+)_(?:200|300|500|600|1000|1500)it(?:-crop\d+)?_(?P<data>shapes|camvid|nuclei)')
#: Of two configs of a system, that on the first of these: the shapes are smaller images than the nuclei.
_DATA = ('shapes', 'camvid', 'nuclei')
#: Small configs that train what another one trains -> why they have no row.
SAME_TRAINING = {
    r'densecrf': 'the CRF works after training',
    r'merge_': 'the instance model of another row; maps are merged after training',
    r'-1of[24]|fpn_lite0-(1of|all)': 'another share of the labels',
    r'enet_two-stage': 'a second stage, which trains the network of enet_paper',
    r'-\d+masks': "DecoupledNet's second stage, which begins with the weights of the first, and its controls",
    r'coco-anchors': 'the control of the fitted Mask R-CNN',
    r'eva02-96(-sfp)?-(hog|lite0)': 'the same network, from weights of a pre-training',
    r'r18-grabcut': 'Mask R-CNN on masks that GrabCut drew',
}
#: Folders whose configs vary a system that has a row.
_VARIANTS = ('ablations', 'examples')
#: What counts as learnt by heart: every score that a row has must reach its limit, in percent.
LIMITS = {'mIoU': 80.0, 'aAcc': 95.0, 'coco/segm_mAP': 60.0, 'coco_panoptic/PQ': 60.0, 'labels/mAP': 95.0}
FALLEN = 0.1
#: Name of the table's place in the page.
MARK = 'overfit'


def small_systems(paths: Iterable[Path] | None = None) -> list[str]:
    """Names of the configs that stand for the systems: every small recipe once, by folder and name.

    Left out are ablations, examples and :data:`SAME_TRAINING`.  A system on several data sets appears with the one
    whose images are smallest.

    Args:
        paths: The configs to choose from; None: all of ``configs/``.
    """
    chosen: dict[str, str] = {}
    for path in iter_configs() if paths is None else paths:
        match = _SMALL.fullmatch(path.stem)
        if match is None or path.parent.name in _VARIANTS:
            continue
        if any(re.search(pattern, path.stem) for pattern in SAME_TRAINING):
            continue
        system = match['system']
        if system not in chosen or _rank(path.stem) < _rank(chosen[system]):
            chosen[system] = path.stem
    return list(chosen.values())


def read_rows(path: Path | None) -> dict[str, dict[str, Any]]:
    """Rows by name, of a file with a JSON object per line; the later of two lines of a name counts.

    Raises:
        UserError: a line is no JSON object with a ``name``.
    """
    rows: dict[str, dict[str, Any]] = {}
    if path is None or not path.is_file():
        return rows
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        try:
            row = json.loads(line)
            rows[row['name']] = row
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f'{path}: line {number} is no row of this benchmark ({error!r}).',
                            fix='delete the line, or name another --out-file') from error
    return rows


def other_settings(row: Mapping[str, Any], asked: Settings) -> dict[str, Any]:
    """The settings of a row that are not those asked for.

    Example:
        a row of ``batch_size=2`` where none was asked for -> ``{'batch_size': 2}``
    """
    measured = {**Settings()._asdict(), **row['settings']}
    return {key: measured[key] for key, value in asked._asdict().items()
            if measured[key] != (list(value) if isinstance(value, tuple) else value)}


def append_row(path: Path | None, row: Mapping[str, Any]) -> None:
    """Add one line to the file; None writes nothing."""
    if path is not None:
        with path.open('a', encoding='utf-8') as file:
            file.write(json.dumps(row) + '\n')


def in_order(rows: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows by folder and name of their configs, configs of elsewhere last, each rate after the config's own."""
    places = {path.stem: place for place, path in enumerate(iter_configs())}

    def key(row: Mapping[str, Any]) -> tuple[int, str, float]:
        stem = str(row['name']).split(' (')[0]
        factor = row['settings']['lr_factor']
        return places.get(stem, len(places)), stem, 0.0 if factor == 1 else factor

    return sorted(rows.values(), key=key)


def fits(row: Mapping[str, Any]) -> str:
    """``yes``, ``precise``, ``loss``, ``no``, or ``-`` where the row has no score with a limit.

    ``precise``: only with precise statistics.  ``loss``: the loss fell to :data:`FALLEN` of its first value, but the
    score did not follow.
    """
    if 'error' in row:
        return 'no'
    if not any(name in LIMITS for name in row['scores']):
        return '-'
    for word, scores in (('yes', row['scores']), ('precise', row['precise'])):
        if scores and all(scores[name] >= limit for name, limit in LIMITS.items() if name in scores):
            return word
    return 'loss' if row['loss'] <= FALLEN * row['first_loss'] else 'no'


def format_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table: a row per measurement; what failed shows its error."""
    lines = ['| config | learnt | score | with precise statistics | loss, first -> last | iterations | CPU s |',
             '|---|---|---|---|---|---|---|']
    for row in rows:
        if 'error' in row:
            lines.append(f'| {row["name"]} | no | failed: {row["error"]} | | | | |')
            continue
        loss = f'{row["first_loss"]:.2f} -> {row["loss"]:.3f}'
        lines.append(f'| {row["name"]} | {fits(row)} | {_text(row["scores"])} | {_text(row["precise"])} | {loss} '
                     f'| {_length(row["settings"])} | {row["seconds"]:.0f} |')
    return '\n'.join(lines)


def format_machine(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line: processors, threads, torch and seeds of the rows, each value once."""
    hosts = dict.fromkeys(f'{row["machine"]["cpu"]}, {row["machine"]["threads"]} thread(s)' for row in rows)
    torches = dict.fromkeys(row['machine']['torch'] for row in rows)
    seeds = dict.fromkeys(str(row['settings']['seed']) for row in rows)
    return f'Measured on {"; ".join(hosts)}; torch {", ".join(torches)}; seed {", ".join(seeds)}.'


def write_page(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Set the table between the two marks of a Markdown page.

    Raises:
        UserError: the page has no such marks.
    """
    set_block(path, MARK, f'{format_rows(rows)}\n\n{format_machine(rows)}')


def _rank(name: str) -> int:
    return _DATA.index(name.rsplit('_', 1)[-1])


def _length(settings: Mapping[str, Any]) -> str:
    """Iterations, and the images of one where they are not the recipe's."""
    batch = settings.get('batch_size')
    return f'{settings["iters"]} of {batch} images' if batch else str(settings['iters'])


def _text(scores: Mapping[str, float]) -> str:
    return ', '.join(f'{SCORES[name]} {value:.1f}' for name, value in scores.items())
