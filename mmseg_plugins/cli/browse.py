"""Draw what a config trains on, without a display.

    mmseg-plugins browse CONFIG --out-dir pictures
    mmseg-plugins browse CONFIG --out-dir pictures --split val --stage original --num 40

--stage pipeline (default) shows what the network gets, augmentations and all;
original the image files with their annotations; levels panoptic data as objects,
classes, instances and panoptic segments next to each other.  Writes one picture
per image and sheet.png with all of them, and prints where.  Images that cannot be drawn
are named; then the exit status is 1.
"""

from __future__ import annotations

import argparse
import sys

from mmseg_plugins.cli.arguments import add_cfg_options, add_config, add_out_dir, at_least, check_out_dir
from mmseg_plugins.cli.frame import DONE, PARTLY, Parser


def add_arguments(parser: Parser) -> None:
    add_config(parser)
    add_out_dir(parser, 'the pictures')
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train')
    parser.add_argument('--num', type=int, default=16, help='images, evenly spaced over the data set (default 16)')
    parser.add_argument('--stage', choices=('pipeline', 'original', 'levels'), default='pipeline')
    parser.add_argument('--seed', type=int, default=0, help='of the augmentations (default 0)')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    at_least(1, num=args.num)
    from mmengine.runner import set_random_seed

    from mmseg_plugins.config.build import build_dataset
    from mmseg_plugins.config.load import load_config
    from mmseg_plugins.visualization.browse import draw_dataset

    cfg = load_config(args.config, args.cfg_options)
    check_out_dir(args.out_dir)
    set_random_seed(args.seed)
    dataset = build_dataset(cfg, args.split)
    heading = f'{args.config}, {args.split}, {args.stage}'
    written, failures = draw_dataset(dataset, args.out_dir, args.num, args.stage, heading)
    print(f'{len(written)} pictures written to {args.out_dir}' + (f', all on {written[-1]}' if written else ''))
    for line in failures:
        print(f'could not draw {line}', file=sys.stderr)
    return PARTLY if failures else DONE
