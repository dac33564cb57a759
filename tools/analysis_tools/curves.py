"""Curves of several runs in one picture: a panel a scalar, a curve a run.

    python tools/analysis_tools/curves.py work_dirs/a work_dirs/b --out curves.png
    python tools/analysis_tools/curves.py work_dirs/a work_dirs/b --out curves.png --train loss --val mIoU --titles A B

Reads the ``scalars.csv`` that every training run leaves in its working folder,
also of runs that are not finished.  Without ``--train`` and ``--val`` the total
loss is drawn, and the first metric of the validation that all runs have.  Noisy
curves are drawn faintly with a moving mean on top; the number behind a name is
the curve's last value.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_plugins.reporting.scalars import KEYS, Row, read_scalars
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.visualization.charts import Series, draw_runs

PREFERRED = ('mIoU', 'coco/segm_mAP', 'coco_panoptic/PQ')


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dirs', nargs='+', type=Path, metavar='WORK_DIR')
    parser.add_argument('--out', type=Path, required=True, help='the picture, .png')
    parser.add_argument('--titles', nargs='+', help='of the runs; default the names of their folders')
    parser.add_argument('--train', nargs='+', help='scalars of the training (default loss)')
    parser.add_argument('--val', nargs='+', help='scalars of the validation (default mIoU, or the first that all have)')
    parser.add_argument('--linear', action='store_true', help='losses on a linear axis')
    parser.add_argument('--heading', default='', help='one line above everything')
    return parser


def read_run(folder: Path) -> list[Row]:
    """The scalars of a run.

    Raises:
        ValueError: the folder holds none.
    """
    path = folder / 'scalars.csv'
    if not path.is_file():
        raise ValueError(f'{folder} holds no scalars.csv. Fix: name the working folder of a training run.')
    return read_scalars(path)


def series_of(rows: Sequence[Row], name: str, phase: str) -> Series:
    """Iterations and values of one scalar, COCO's -1 ("no such object") as a gap; empty where it was not recorded."""
    found = [(float(row['iter']), float(row[name])) for row in rows if row['phase'] == phase and name in row]
    return [x for x, _ in found], [math.nan if phase == 'val' and y == -1 else y for _, y in found]


def shared_metrics(runs: Sequence[Sequence[Row]]) -> list[str]:
    """Scalars that every run's validation has, the usual ones first, losses aside."""
    sets = [{name for row in rows if row['phase'] == 'val' for name in row} - set(KEYS) for rows in runs]
    shared = set.intersection(*sets)
    ordered = [name for name in PREFERRED if name in shared]
    return ordered + sorted(name for name in shared if name not in ordered and not name.endswith('time'))


def panels_of(runs: dict[str, list[Row]], args: argparse.Namespace) -> dict[str, dict[str, Series]]:
    """Scalar -> run -> curve, for what was asked, or by itself.

    Raises:
        ValueError: a scalar that no run has; the message lists those there are.
    """
    asked = [(name, 'train') for name in args.train or ['loss']]
    asked += [(name, 'val') for name in args.val or shared_metrics(list(runs.values()))[:1]]
    panels = {}
    for name, phase in asked:
        panel = {run: series_of(rows, name, phase) for run, rows in runs.items()}
        if not any(x for x, _ in panel.values()):
            known = sorted({key for rows in runs.values() for row in rows if row['phase'] == phase for key in row}
                           - set(KEYS))
            raise ValueError(f'no run has {name!r} in its {phase} rows; there is {", ".join(known) or "nothing"}.')
        panels[name] = panel
    return panels


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    titles = args.titles or [folder.resolve().name for folder in args.work_dirs]
    if len(titles) != len(args.work_dirs) or len(set(titles)) != len(titles):
        parser.error(f'{len(args.work_dirs)} runs need as many different titles, got {titles}; name them by --titles')
    try:
        runs = {title: read_run(folder) for title, folder in zip(titles, args.work_dirs, strict=True)}
        panels = panels_of(runs, args)
        logarithmic = [] if args.linear else [name for name in panels if 'loss' in name]
        path = draw_runs(panels, args.out, args.heading, logarithmic)
    except (UserError, OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'{len(runs)} runs, {", ".join(panels)}: {path}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
