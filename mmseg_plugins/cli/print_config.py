"""Print a config as it is used: bases merged, data variables resolved, options applied.

    mmseg-plugins print-config panet_r18-path_1500it_shapes
    mmseg-plugins print-config CONFIG --cfg-options data_root=data/mine/ --out-file resolved.py
"""

from __future__ import annotations

import argparse
import sys

from mmseg_plugins.cli.arguments import add_cfg_options, add_config, add_out_file, check_out_file
from mmseg_plugins.cli.frame import DONE, Parser

SUFFIXES = ('.py', '.json', '.yml', '.yaml')


def add_arguments(parser: Parser) -> None:
    add_config(parser)
    add_cfg_options(parser)
    add_out_file(parser, f'the config, {", ".join(SUFFIXES)}', required=False)
    parser.rename('--save', '--out-file')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.config.load import load_config

    check_out_file(args.out_file, SUFFIXES)
    cfg = load_config(args.config, args.cfg_options)
    print(cfg.pretty_text)
    if args.out_file:
        cfg.dump(str(args.out_file))
        print(f'written: {args.out_file}', file=sys.stderr)
    return DONE
