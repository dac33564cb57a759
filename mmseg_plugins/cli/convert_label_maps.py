"""Label maps of colors, or of 0 and 255, to maps of class numbers and a file of classes.

    mmseg-plugins convert-data label-maps masks/train --out-dir maps/train --palette colors.txt
    mmseg-plugins convert-data label-maps masks/train --out-dir maps/train --void 0 0 0 --palette colors.txt

A palette has a line "name R G B" for each class.  Without it, each color is a class, and of 0 and 255 the second is
class 1.  Give train and val the same palette (or the folder above both), so that their numbers are the same.  A config
reads the classes by classes = 'classes.txt'.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_plugins.cli.arguments import add_out_dir, check_out_dir
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    parser.add_argument('source', type=Path, help='a folder of label maps; folders in it are kept')
    add_out_dir(parser, 'PNG maps of class numbers, classes.txt')
    parser.add_argument('--palette', type=Path, metavar='FILE',
                        help='a line "name R G B" for each class, in label order')
    parser.add_argument('--void', type=int, nargs=3, metavar=('R', 'G', 'B'),
                        help='color that counts nowhere; it becomes 255')


def run(args: argparse.Namespace) -> int:
    if args.void and not all(0 <= value <= 255 for value in args.void):
        raise UserError(f'--void {args.void}.', rule='R, G and B are 0 to 255.', fix='correct it.')
    check_out_dir(args.out_dir)
    from mmseg_plugins.data_prep.map_colors import CLASSES, convert_label_maps

    classes, number = convert_label_maps(args.source, args.out_dir, args.palette, args.void)
    print(f'{args.out_dir}: {number} maps of {len(classes)} classes ({", ".join(classes[:12])}); '
          f"{args.out_dir / CLASSES} is for classes = '...'")
    return DONE
