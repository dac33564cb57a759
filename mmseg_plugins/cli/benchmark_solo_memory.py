"""Peak memory and time of SOLO's prediction on one large image, ours or stock mmdet's, without a network.

    mmseg-plugins benchmark solo-memory --size 4000 5000 --candidates 700
    mmseg-plugins benchmark solo-memory --size 4000 5000 --candidates 700 --rle --map-size 1000 1250

The head gets random outputs in which as many cells as asked for pass the score threshold and draw discs that overlap;
the process's peak resident memory is printed before and after the call.  --map-size is the stride-4 map: the image / 4
for an image that is not resized, 200 x 256 (the default) for one resized to 800 x 1024 as in the COCO configs.
"""

from __future__ import annotations

import argparse
import json

from mmseg_plugins.cli.arguments import at_least
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('--size', type=int, nargs=2, default=(4000, 5000), metavar=('H', 'W'), help='image')
    parser.add_argument('--map-size', type=int, nargs=2, default=(200, 256), metavar=('H', 'W'), help='stride-4 map')
    parser.add_argument('--candidates', type=int, default=700, help='cells above the score threshold')
    parser.add_argument('--channels', type=int, default=8, help='mask features of SOLOv2, at least 4')
    parser.add_argument('--stock', action='store_true', help="measure mmdet's head instead")
    parser.add_argument('--rle', action='store_true', help='masks as run lengths')


def run(args: argparse.Namespace) -> int:
    at_least(1, size=min(args.size), map_size=min(args.map_size), candidates=args.candidates)
    at_least(4, channels=args.channels)
    from mmseg_plugins import setup
    from mmseg_plugins.benchmark.solo_memory import measure_solo

    setup()
    result = measure_solo(tuple(args.size), tuple(args.map_size), args.candidates, args.channels, args.stock, args.rle)
    print(json.dumps(dict(
        head='mmdet' if args.stock else 'mmseg_plugins', size=list(args.size), map_size=list(args.map_size),
        candidates=args.candidates, rle=args.rle, **result)))
    return DONE
