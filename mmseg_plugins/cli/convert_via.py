"""VGG Image Annotator export (polygons, rectangles, circles, ellipses) to a COCO JSON.

    mmseg-plugins convert-data via balloon/train/via_region_data.json --images balloon/train \\
        --out-file balloon/train.json --class-name balloon
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_plugins.cli.arguments import add_out_file
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('json', type=Path, help='exported annotations, or a VIA 2 project')
    parser.add_argument('--images', type=Path, help='folder of the images; by default the one of the JSON')
    add_out_file(parser, 'the COCO JSON')
    parser.add_argument('--class-attribute', help='region attribute that holds the class name')
    parser.add_argument('--class-name', default='object', help='the class of all regions without --class-attribute')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.data_prep.via import convert_via

    images = args.images or args.json.parent
    builder = convert_via(args.json, images, args.out_file, args.class_attribute, args.class_name)
    print(f'{args.out_file}: {builder.summary()}')
    return DONE
