"""Semantic Boundaries Dataset (PASCAL VOC instances, .mat files) to COCO JSONs with exact masks.

    mmseg-plugins convert-data sbd data/sbd

The .mat files lie in ROOT/inst and ROOT/cls, the images stay in ROOT/img.  Then any instance config trains on it:
    mmseg-plugins train panet_r50-path_2x_coco --cfg-options data_root=data/sbd/ \\
        train_ann_file=annotations/instances_train.json val_ann_file=annotations/instances_val.json \\
        train_img_prefix=img/ val_img_prefix=img/
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_plugins.cli.arguments import add_out_dir
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('root', type=Path, help='benchmark_RELEASE/dataset of the archive')
    add_out_dir(parser, 'the JSONs; by default ROOT/annotations', required=False)
    parser.add_argument('--train', type=Path, help='list of names; by default ROOT/train.txt')
    parser.add_argument('--val', type=Path, help='list of names; by default ROOT/val.txt')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.data_prep.sbd import convert_sbd, which_list

    out = args.out_dir or args.root / 'annotations'
    lists = {split: path for split, path in (('train', args.train), ('val', args.val)) if path is not None}
    builders = convert_sbd(args.root, out, lists or None)
    for split, builder in builders.items():
        print(f'{out}, {split}: {builder.summary()}{which_list(len(builder.images))}')
    return DONE
