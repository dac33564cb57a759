"""Curves of several runs in one picture: a panel per scalar, a curve per run.

    mmseg-plugins curves work_dirs/a work_dirs/b --out-file curves.png
    mmseg-plugins curves work_dirs/a work_dirs/b --out-file curves.png --train loss --val mIoU --titles A B

Reads the scalars.csv that every training run leaves in its working folder, also
of runs that are not finished.  Without --train and --val the total loss is
drawn, and the first metric of the validation that all runs have.  Noisy curves
are drawn faintly with a moving mean on top; the number after a name is the
curve's last value.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_plugins.cli.arguments import add_out_file, check_out_file
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    parser.add_argument('work_dirs', nargs='+', type=Path, metavar='WORK_DIR')
    add_out_file(parser, 'the picture, .png')
    parser.add_argument('--titles', nargs='+', help='of the runs; default the names of their folders')
    parser.add_argument('--train', nargs='+', help='scalars of the training (default loss)')
    parser.add_argument('--val', nargs='+', help='scalars of the validation (default mIoU, or the first that all have)')
    parser.add_argument('--linear', action='store_true', help='losses on a linear axis')
    parser.add_argument('--heading', default='', help='one line above everything')


def run(args: argparse.Namespace) -> int:
    titles = args.titles or [folder.resolve().name for folder in args.work_dirs]
    if len(titles) != len(args.work_dirs) or len(set(titles)) != len(titles):
        raise UserError(f'{len(args.work_dirs)} runs need as many different titles, got {titles}.', fix='--titles')
    check_out_file(args.out_file, ('.png',))
    from mmseg_plugins.reporting.run_curves import panels_of, read_run
    from mmseg_plugins.visualization.charts import draw_runs

    runs = {title: read_run(folder) for title, folder in zip(titles, args.work_dirs, strict=True)}
    panels = panels_of(runs, args.train, args.val)
    logarithmic = [] if args.linear else [name for name in panels if 'loss' in name]
    path = draw_runs(panels, args.out_file, args.heading, logarithmic)
    print(f'{len(runs)} runs, {", ".join(panels)}: {path}')
    return DONE
