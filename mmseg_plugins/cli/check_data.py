"""Check a config without training: classes, annotations, image files, and all that the start of a run builds.

    mmseg-plugins check-data CONFIG
    mmseg-plugins check-data CONFIG --split train --decode-images --out-file data_check.json

Prints totals, a class histogram, what training will drop and why, and every problem with its fix.
Exit status 0: nothing stops a training; 1: problems were found; 2: nothing could be checked.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.arguments import add_cfg_options, add_config, add_out_file, at_least, check_out_file
from mmseg_plugins.cli.frame import DONE, PARTLY, Parser


def add_arguments(parser: Parser) -> None:
    add_config(parser)
    parser.add_argument('--split', nargs='+', choices=('train', 'val', 'test'), default=('train', 'val', 'test'),
                        help='which data (default all)')
    parser.add_argument('--decode-images', action='store_true', help='read every pixel of every image')
    parser.add_argument('--max-headers', type=int, default=2000, metavar='N',
                        help='image files that are opened per data set (default 2000; 0: none)')
    parser.add_argument('--data-only', action='store_true',
                        help='leave out what the start of a run checks: model, loaders, optimizer, hooks, metrics')
    parser.add_argument('--listed', type=int, default=3, help='examples shown for each kind of finding (default 3)')
    add_out_file(parser, 'every finding, JSON', required=False)
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    at_least(0, max_headers=args.max_headers, listed=args.listed)
    check_out_file(args.out_file, ('.json',))
    from mmseg_plugins.apis.data import check_data
    from mmseg_plugins.data_check.check_report import collect_problems, write_report

    reports = check_data(args.config, tuple(args.split), cfg_options=args.cfg_options,
                         decode_images=args.decode_images, max_headers=args.max_headers, data_only=args.data_only)
    for report in reports:
        print(report.text(args.listed))
    if args.out_file:
        write_report(args.out_file, reports)
        print(f'written: {args.out_file}')
    problems = collect_problems(reports, args.listed)
    print(f'{len(problems)} problem(s) would stop a training.' if problems else 'Nothing stops a training.')
    return PARTLY if problems else DONE
