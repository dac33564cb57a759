"""Make model-index.yml anew: the list of the metafiles by which OpenMMLab's tools find our models.

    mmseg-plugins results index [--check]

With --check nothing is written, and the exit status is 1 when the file is out of date.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.frame import DONE, PARTLY, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('--check', action='store_true', help='write nothing; exit status 1 when it is out of date')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.config.paths import config_root
    from mmseg_plugins.reporting.model_index import model_index

    path, text = config_root().parent / 'model-index.yml', model_index(config_root())
    if path.is_file() and path.read_text(encoding='utf-8') == text:
        return DONE
    if not args.check:
        path.write_text(text, encoding='utf-8')
    print(f'{path}: {"out of date" if args.check else "updated"}')
    return PARTLY if args.check else DONE
