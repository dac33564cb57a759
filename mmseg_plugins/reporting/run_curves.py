"""Curves of several runs: which scalars they share, and their values for a plot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmseg_plugins.reporting.scalars import KEYS, Row, read_scalars
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.visualization.charts import Series

PREFERRED = ('mIoU', 'coco/segm_mAP', 'coco_panoptic/PQ')


def read_run(folder: Path) -> list[Row]:
    """The scalars of a run.

    Raises:
        UserError: the folder holds none, or a damaged table.
    """
    path = folder / 'scalars.csv'
    if not path.is_file():
        raise UserError(f'{folder} holds no scalars.csv.', fix='name the working folder of a training run.')
    return read_scalars(path)


def series_of(rows: Sequence[Row], name: str, phase: str) -> Series:
    """Iterations and values of one scalar, COCO's -1 ("no such object") as a gap; empty where it was not recorded."""
    found = [(float(row['iter']), float(row[name])) for row in rows if row['phase'] == phase and name in row]
    return [x for x, _ in found], [math.nan if phase == 'val' and y == -1 else y for _, y in found]


def shared_metrics(runs: Sequence[Sequence[Row]]) -> list[str]:
    """Scalars that every run's validation has, the usual ones first, times left out."""
    sets = [{name for row in rows if row['phase'] == 'val' for name in row} - set(KEYS) for rows in runs]
    shared = set.intersection(*sets)
    ordered = [name for name in PREFERRED if name in shared]
    return ordered + sorted(name for name in shared if name not in ordered and not name.endswith('time'))


def panels_of(
    runs: Mapping[str, list[Row]], train: Sequence[str] | None, val: Sequence[str] | None
) -> dict[str, dict[str, Series]]:
    """Scalar -> run -> curve, for the scalars that are asked for.

    Args:
        runs: Title -> rows.
        train: Scalars of the training; None is the total loss.
        val: Scalars of the validation; None is the first metric that all runs have.

    Raises:
        UserError: a scalar that no run has; the message lists those there are.
    """
    asked = [(name, 'train') for name in train or ['loss']]
    asked += [(name, 'val') for name in val or shared_metrics(list(runs.values()))[:1]]
    panels = {}
    for name, phase in asked:
        panel = {run: series_of(rows, name, phase) for run, rows in runs.items()}
        if not any(x for x, _ in panel.values()):
            known = sorted({key for rows in runs.values() for row in rows if row['phase'] == phase for key in row}
                           - set(KEYS))
            raise UserError(f'no run has {name!r} in its {phase} rows; there is {", ".join(known) or "nothing"}.')
        panels[name] = panel
    return panels
