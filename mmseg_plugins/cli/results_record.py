"""Write the results of a finished run, or of a finished test, into its config's metafile.yml.

    mmseg-plugins results record WORK_DIR --dataset nuclei          # a finished training
    mmseg-plugins results record WORK_DIR --dataset camvid --test   # a finished "mmseg-plugins test"

It also measures, with the run's best weights, seconds and multiply-adds of one
test image and seconds of a training step: what a run itself noted depends on
what else its machine did (--no-measure leaves that out).

--test reads the test_summary.json that

    mmseg-plugins test CONFIG work_dirs/<trained config>/<checkpoint>

left in WORK_DIR (work_dirs/<config>, or what --work-dir named).  CONFIG may be
another one than that of the weights (a CRF after the same network): then its
metafile entry says "Weights Of: <trained config>".
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_plugins.cli.arguments import add_cfg_options, add_device, at_least
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('work_dir', metavar='WORK_DIR', type=Path)
    parser.add_argument('--dataset', required=True, help='name of the data, as the tables name it')
    parser.add_argument('--test', action='store_true', help='a test (test_summary.json), not a training')
    parser.add_argument('--no-measure', action='store_true', help='do not measure seconds and operations per image')
    parser.add_argument('--images', type=int, default=20, help='test images that are timed (default 20)')
    parser.add_argument('--steps', type=int, default=10, help='training steps that are timed (default 10; 0: none)')
    add_device(parser)
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    at_least(1, images=args.images)
    at_least(0, steps=args.steps)
    from mmseg_plugins.benchmark.record_runs import (
        finished_run,
        finished_test,
        measure_speed,
        update_tables,
    )
    from mmseg_plugins.reporting.metafiles import record

    found = finished_test(args.work_dir) if args.test else finished_run(args.work_dir)
    results = dict(found.results)
    if not args.no_measure:
        results.update(measure_speed(found, args.images, args.steps, args.device, args.cfg_options))
    record(found.metafile, found.config.as_posix(), args.dataset, results)
    print(f'recorded in {found.metafile}')
    for name in update_tables(check=False):
        print(f'{name}: updated')
    return DONE
