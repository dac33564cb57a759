"""Measure your data and write the settings that fit it.

    mmseg-plugins fit CONFIG --out-dir DIR              # through the config's training pipeline
    mmseg-plugins fit instances.json --out-dir DIR      # images as they are
    mmseg-plugins fit instances.json --size 1333 800 --out-dir DIR

Every system's defaults are COCO's.  This prints what they meet in your data
(sizes, distances of centers, cells that objects share in SOLO's grids, anchors
that reach the objects, RoIs on each pyramid level, what masks lose at 28 x 28,
overlap, objects against limits) next to the values that fit, and writes into DIR

    <config>_fitted.py                             the config with the values that fit (it inherits the config)
    mask-rcnn.py fcis.py solo.py mask2former.py    with a JSON: one fragment per system, to be given its _base_
    fit.md  fit.json  fit.png                      the table, its numbers, plots

Files that were changed since, or that are not this command's, are not written over.
How values are chosen: docs/fit_to_data.md.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from mmseg_plugins.cli.arguments import CONFIG_HELP, add_cfg_options, add_out_dir, at_least, check_out_dir
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('source', metavar='CONFIG|JSON', help=f'{CONFIG_HELP}, or a COCO annotation file (.json)')
    add_out_dir(parser, 'the fitted configs, the table and the plots')
    parser.add_argument('--fragment', type=Path, help='with a config: another place for the fitted config')
    parser.add_argument('--size', type=int, nargs=2, metavar=('LONG', 'SHORT'), help='with a JSON: resize as mmdet '
                        'does with scale=(LONG, SHORT); default: images as they are')
    parser.add_argument('--max-images', type=int, default=5000, help='measure at most so many, evenly spaced')
    parser.add_argument('--seed', type=int, default=0, help='of the random crops and resizes (default 0)')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    at_least(1, max_images=args.max_images, size=args.size and min(args.size))
    from mmseg_plugins.apis.fitting import fit

    check_out_dir(args.out_dir)
    result = fit(
        args.source, args.out_dir, fragment=args.fragment, size=args.size and tuple(args.size),
        max_images=args.max_images, seed=args.seed, cfg_options=args.cfg_options,
        command=shlex.join(args.command_line))  # fmt: skip
    lines = [f'not measured: {line}' for line in result.left_out]
    print('\n'.join([result.name, *lines, '', result.text]))
    print('\nwritten: ' + ' '.join(map(str, result.written)))
    return DONE
