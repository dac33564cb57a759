"""2018 Data Science Bowl (BBBC038v1) stage1_train to COCO with exact masks.

    mmseg-plugins convert-data dsb2018 stage1_train --out-dir data/nuclei --val-fraction 0.125 --seed 0
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_plugins.cli.arguments import add_out_dir
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('root', type=Path, help='the folder stage1_train')
    add_out_dir(parser, 'images and annotations', default='data/nuclei')
    parser.add_argument('--val-fraction', type=float, default=0.125, help='part of the images for validation')
    parser.add_argument('--seed', type=int, default=0, help='of the split')
    parser.add_argument('--plain', action='store_true', help='split at random instead of by kind of microscopy')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.data_prep.dsb2018 import convert_dsb2018

    builders = convert_dsb2018(args.root, args.out_dir, args.val_fraction, args.seed, stratified=not args.plain)
    for split, builder in builders.items():
        print(f'{args.out_dir}, {split}: {builder.summary()}')
    return DONE
