"""Write the generated shapes data set; needs no download.

    mmseg-plugins convert-data shapes --out-dir data/shapes --train 1000 --val 100 --size 128 --seed 0

Images with overlapping, touching and occluded circles, squares, triangles,
stars and rings, as COCO instances, COCO panoptic and semantic maps.  The same
arguments give the same bytes with any number of workers; a folder that is
already complete is left as it is.
"""

from __future__ import annotations

import argparse
import os
import time

from mmseg_plugins.cli.arguments import add_out_dir
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    add_out_dir(parser, 'images and annotations', default='data/shapes')
    parser.add_argument('--train', type=int, default=1000, help='number of training images (default 1000)')
    parser.add_argument('--val', type=int, default=100, help='number of validation images (default 100)')
    parser.add_argument('--size', type=int, default=128, help='side of the images in pixels, at least 32 (default 128)')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--workers', type=int, default=min(2, os.cpu_count() or 1), help='processes; changes no byte')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.data_prep.shapes_writer import ShapesSpec, write_shapes

    start = time.monotonic()
    spec = ShapesSpec(train=args.train, val=args.val, size=args.size, seed=args.seed)
    written = write_shapes(args.out_dir, spec, args.workers)
    what = 'wrote' if written else 'kept (already complete)'
    seconds = time.monotonic() - start
    print(f'{args.out_dir}: {what} {spec.train} + {spec.val} images of {spec.size} px in {seconds:.1f} s')
    return DONE
