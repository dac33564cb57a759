"""Masks for people who have boxes: GrabCut in every box of a COCO file or of a detector's results.

    mmseg-plugins grabcut boxes.json --images photos/ --out-file masks.json
    mmseg-plugins grabcut predictions/predictions.json --images photos/ --out-file masks.json --score-thr 0.5

Reads COCO annotations ("bbox" is enough), or COCO results as "mmseg-plugins predict" writes them (images.json next to
them says which image an id means).  Writes a COCO file that any instance config trains on; look at it with
"mmseg-plugins browse" before.  Crowds stay as they are; boxes without a pixel of the image are left out; where no
object is found that fits its box, the box itself is the mask (--missed); all of them are counted.

A run that was stopped goes on where it was when the same command is given again; the result is the same.
--refine begins with the masks of the file instead of its boxes, --scribbles adds hand-drawn strokes.  Without boxes,
every object that has strokes gets a mask:

    mmseg-plugins grabcut --scribbles strokes.json --images photos/ --out-file masks.json
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from mmseg_plugins.cli.arguments import add_out_file
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    parser.add_argument('boxes', type=Path, nargs='?', help='COCO annotations or results; none with --scribbles alone')
    parser.add_argument('--images', type=Path, required=True, help='folder of the images')
    add_out_file(parser, 'COCO annotations with masks')
    parser.add_argument('--image-list', type=Path, help='for results: COCO file of the images (default images.json)')
    parser.add_argument('--score-thr', type=float, default=0.0, help='least score of a box (default 0)')
    parser.add_argument('--box-format', default='xywh', metavar='xywh|xyxy',
                        help="COCO's x y width height, or corners")
    parser.add_argument('--missed', default='box', metavar='box|ellipse|drop',
                        help='mask where no object is found (default box)')
    parser.add_argument('--polygons', action='store_true', help='outlines instead of RLE')
    parser.add_argument('--tight-boxes', action='store_true', help='replace the boxes by those of the masks')
    parser.add_argument('--refine', action='store_true', help='begin with the masks that the file has')
    parser.add_argument('--scribbles', type=Path,
                        help='folder of PNG (n = n-th object of the image, 255 = background), or JSON of strokes')
    parser.add_argument('--keep-holes', action='store_true', help='do not fill the holes of masks')
    parser.add_argument('--iterations', type=int, default=5, help="GrabCut's turns (default 5)")
    parser.add_argument('--context', type=float, default=1.5, help='side of the part looked at, in sides of the box')
    parser.add_argument('--seed', type=int, default=0)


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.data_prep.box_files import read_boxes
    from mmseg_plugins.data_prep.box_masks import MaskJob, boxes_to_masks
    from mmseg_plugins.data_prep.strokes import Strokes
    from mmseg_plugins.models.classical.grabcut import GrabCutOptions

    start = time.monotonic()
    if args.boxes is None and args.scribbles is None:
        raise UserError('neither boxes nor --scribbles are named.', fix='name a file of boxes, or --scribbles.')
    options = GrabCutOptions(iterations=args.iterations, context=args.context, fill_holes=not args.keep_holes,
                             seed=args.seed)
    job = MaskJob(options, args.missed, args.polygons, args.tight_boxes, args.refine,
                  None if args.scribbles is None else str(args.scribbles))
    if args.boxes is None:
        boxes = Strokes(args.scribbles).objects(args.images)
    else:
        boxes = read_boxes(args.boxes, args.image_list, args.score_thr, args.box_format)
    counts = boxes_to_masks(boxes, args.images, args.out_file, job)
    if counts is None:
        print(f'{args.out_file}: kept (already complete)')
        return DONE
    below = f', {boxes.left_out} below --score-thr left out' if boxes.left_out else ''
    what = 'objects' if args.boxes is None else 'boxes'
    print(f'{args.out_file}: {len(boxes.images)} images, {len(boxes.annotations)} {what}{below}, '
          f'{time.monotonic() - start:.1f} s')
    for what, number in sorted(counts.items(), key=lambda item: -item[1]):
        print(f'  {number} {what}')
    return DONE
