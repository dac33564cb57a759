"""A folder of labelme files (polygons, rectangles, circles, masks, turned boxes) to COCO.

    mmseg-plugins convert-data labelme photos --out-dir photos/annotations --val-fraction 0.2

The same as ``convert-data annotations photos --from labelme``, with the JSONs in --out-dir itself.  Images without a
JSON are background: they are kept and counted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_plugins.cli.arguments import add_out_dir
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('folder', type=Path, help='images and their labelme JSON files')
    add_out_dir(parser, 'instances_train.json and instances_val.json')
    parser.add_argument('--classes', nargs='+', help='class names in label order; by default all labels, sorted')
    parser.add_argument('--val-fraction', type=float, default=0.0, help='part of the images for validation')
    parser.add_argument('--seed', type=int, default=0, help='of the split')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.data_prep.labelme import convert_labelme

    builders = convert_labelme(args.folder, args.out_dir, args.classes, args.val_fraction, args.seed)
    for split, builder in builders.items():
        print(f'{args.out_dir}, {split}: {builder.summary()}')
    return DONE
