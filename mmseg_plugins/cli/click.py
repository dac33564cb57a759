"""Masks for people who click: one point on each object becomes its mask, by a watershed.

    mmseg-plugins click clicks.csv --images photos/ --out-file masks.json

clicks.csv has the columns file_name, x, y and, for several classes, category; clicks.json is a list of objects with
these keys.  Writes a COCO file that any instance config trains on; look at it with "mmseg-plugins browse" before.

The gradient of the image is flooded from all clicks at once and from the background, which is the side of Otsu's
threshold where fewer clicks lie: click on every object of an image.  A run that was stopped goes on where it was when
the same command is given again.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from mmseg_plugins.cli.arguments import add_out_file, at_least
from mmseg_plugins.cli.frame import DONE, PARTLY, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('clicks', type=Path, help='CSV or JSON: file_name, x, y, category')
    parser.add_argument('--images', type=Path, required=True, help='folder of the images')
    add_out_file(parser, 'COCO annotations with masks')
    parser.add_argument('--channel', default='gray', help='gray, red, green, blue, saturation or value (default gray)')
    parser.add_argument('--sigma', type=float, default=0.5, help='blur before the gradient, px (default 0.5)')
    parser.add_argument('--radius', type=int, default=1, help='pixels around a click that are its object (default 1)')
    parser.add_argument('--band', type=int, default=6, help='rim that the gradient decides about, px (default 6)')
    parser.add_argument('--polygons', action='store_true', help='outlines instead of RLE')


def run(args: argparse.Namespace) -> int:
    at_least(0, sigma=args.sigma, radius=args.radius, band=args.band)
    from mmseg_plugins.data_prep.clicks import DAMAGED, OUTSIDE, ClickJob, clicks_to_masks, read_clicks

    start = time.monotonic()
    clicks = read_clicks(args.clicks, args.images)
    job = ClickJob(args.channel, args.sigma, args.radius, args.band, args.polygons)
    counts = clicks_to_masks(clicks, args.images, args.out_file, job)
    if counts is None:
        print(f'{args.out_file}: kept (already complete)')
        return DONE
    print(f'{args.out_file}: {len(clicks.images)} images, {len(clicks.annotations)} clicks, '
          f'{time.monotonic() - start:.1f} s')
    for what, number in sorted(counts.items(), key=lambda item: -item[1]):
        print(f'  {number} {what}')
    return PARTLY if counts[DAMAGED] or counts[OUTSIDE] else DONE
