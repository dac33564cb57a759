"""Convert a released checkpoint of another implementation for this package's configs.

    mmseg-plugins convert-weights --list
    mmseg-plugins convert-weights panet-official panet_mask_step179999.pth checkpoints/panet_r50.pth
    mmseg-plugins test panet/panet_r50-path-pooling-fusion-4conv1fc_2x_coco.py checkpoints/panet_r50.pth

NAME is a row of the table that --list prints, or auto.  The file is read without running any code in it.  Keys that
are unknown, missing or of another shape than the model's are listed, and nothing is written.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.table import OPTIONS, RELEASES, listing


def add_arguments(parser: Parser) -> None:
    """Add the subcommand's arguments; options of a few rows stand at the end."""
    parser.add_argument('name', nargs='?', metavar='NAME', help='row of the table (see --list), or auto')
    parser.add_argument('source', nargs='?', metavar='SOURCE', help='the released file')
    parser.add_argument('target', nargs='?', metavar='TARGET', help='the file to write')
    parser.add_argument('--config', help="config of the model that the weights must fit (default: the row's)")
    parser.add_argument('--list', action='store_true', help='print the table and stop')
    for name, option in OPTIONS.items():
        rows = ', '.join(row.name for row in RELEASES.values() if name in row.options)
        flag = f'--{name.replace("_", "-")}'
        if option.kind is bool:
            parser.add_argument(flag, action='store_true', default=None, help=f'{option.help}; for {rows}')
        else:
            parser.add_argument(flag, type=option.kind, help=f'{option.help}; for {rows}')


def run(args: argparse.Namespace) -> int:
    """Print the table, or convert one file and print what was written; 0 when done.

    Raises:
        UserError: an argument is missing, or see :func:`mmseg_plugins.weights.convert.convert_weights`.
    """
    if args.list:
        print(listing())
        return DONE
    missing = [name.upper() for name in ('name', 'source', 'target') if getattr(args, name) is None]
    if missing:
        raise UserError(f'{" and ".join(missing)} missing.', rule='NAME SOURCE TARGET.',
                        fix='give them, or --list to see the names.')
    from mmseg_plugins.weights.convert import convert_weights

    options = {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}
    print(convert_weights(args.name, args.source, args.target, args.config, **options))
    return DONE
