"""Make the marked tables of the READMEs under configs/ anew from the metafiles.

    mmseg-plugins results tables [--check]

With --check nothing is written, and the exit status is 1 when a table is out of date.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.frame import DONE, PARTLY, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('--check', action='store_true', help='write nothing; exit status 1 when a table is out of date')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.benchmark.record_runs import update_tables

    changed = update_tables(args.check)
    for name in changed:
        print(f'{name}: {"out of date" if args.check else "updated"}')
    return PARTLY if changed and args.check else DONE
