"""One sheet with the same images through several systems: ground truth, then a column per system.

    mmseg-plugins compare CONFIG=CHECKPOINT CONFIG=CHECKPOINT --out-file sheet.png
    mmseg-plugins compare work_dirs/a work_dirs/b --out-file sheet.png --instances-only
    mmseg-plugins compare work_dirs/a work_dirs/b --out-file sheet.png --labels-only --num 6

A working folder stands for its config and its best checkpoint, NAME for a
trained model in the package (enet-camvid), CONFIG= for a model without
parameters.  Images are those of the first config's validation data: --num of
them, evenly spaced, or --images by name.

Instances: images with 10 to 60 objects (--objects) are chosen; what a system
finds has the color of the true object that it matches (mask IoU >= 0.5), or is
white.  Label maps: every class has the color of the data set, named below the
sheet; above a picture stands which share of the labeled pixels is right.

--instances-only or --labels-only draws on a plain ground, without the images.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.arguments import add_device, add_out_file, at_least, check_out_file
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    parser.add_argument('systems', nargs='+', metavar='CONFIG=CHECKPOINT|WORK_DIR|NAME')
    add_out_file(parser, 'the picture, .png or .jpg')
    parser.add_argument('--titles', nargs='+', help="of the systems' columns; default the names of their configs")
    parser.add_argument('--num', type=int, default=8, help='images (default 8)')
    parser.add_argument('--objects', type=int, nargs=2, default=(10, 60), metavar=('LEAST', 'MOST'),
                        help='objects that an image must hold to be chosen (default 10 60)')
    parser.add_argument('--images', nargs='+', help='names of image files instead of a choice')
    parser.add_argument('--score-thr', type=float, default=0.5, help='least score that is drawn (default 0.5)')
    parser.add_argument('--instances-only', '--labels-only', action='store_true', dest='plain',
                        help='masks or labels on a plain ground, no images')
    parser.add_argument('--systems-as-rows', action='store_true', help='ground truth and systems below each other')
    parser.add_argument('--cell', type=int, default=256, help='width of a picture in px (default 256)')
    parser.add_argument('--data-root', help="of the validation data, instead of the config's")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    at_least(1, num=args.num)
    at_least(32, cell=args.cell)
    if args.titles and len(args.titles) != len(args.systems):
        raise UserError(f'{len(args.titles)} --titles for {len(args.systems)} systems; one each is needed')
    from mmseg_plugins.apis.compare import ComparisonJob, compare, split_system
    from mmseg_plugins.structures.images import IMAGE_SUFFIXES, save_image

    check_out_file(args.out_file, IMAGE_SUFFIXES)
    systems = [split_system(text) for text in args.systems]
    job = ComparisonJob(args.titles, args.num, tuple(args.objects), args.images, args.score_thr, args.plain,
                        args.systems_as_rows, args.cell, args.data_root, args.device)
    sheet, number = compare(systems, job)
    print(f'{number} images, {len(systems)} systems: {save_image(args.out_file, sheet)}')
    return DONE
