"""Write the generated shapes data set; needs no download.

    python tools/dataset_converters/shapes.py --out data/shapes --train 1000 --val 100 --size 128 --seed 0

Images with overlapping, touching and occluded circles, squares, triangles,
stars and rings, as COCO instances, COCO panoptic and semantic maps.  The same
arguments give the same bytes with any number of workers; a folder that is
already complete is left as it is.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from mmseg_plugins.data_prep.shapes_writer import ShapesSpec, write_shapes
from mmseg_plugins.utils.errors import UserError


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Generate the shapes data set')
    parser.add_argument('--out', type=Path, default=Path('data/shapes'), help='folder to write')
    parser.add_argument('--train', type=int, default=1000, help='number of training images')
    parser.add_argument('--val', type=int, default=100, help='number of validation images')
    parser.add_argument('--size', type=int, default=128, help='side of the images in pixels, at least 32')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--workers', type=int, default=min(2, os.cpu_count() or 1), help='processes; changes no byte')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    start = time.monotonic()
    try:
        spec = ShapesSpec(train=args.train, val=args.val, size=args.size, seed=args.seed)
        written = write_shapes(args.out, spec, args.workers)
    except (UserError, ValueError, OSError) as error:
        print(f'shapes.py: {error}', file=sys.stderr)
        return 1
    what = 'wrote' if written else 'kept (already complete)'
    print(f'{args.out}: {what} {spec.train} + {spec.val} images of {spec.size} px in {time.monotonic() - start:.1f} s')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
