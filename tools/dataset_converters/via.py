"""VGG Image Annotator export (as of the balloon set) to a COCO JSON.

    python tools/dataset_converters/via.py balloon/train/via_region_data.json --images balloon/train \\
        --out balloon/train.json --class-name balloon
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmseg_plugins.data_prep.via import convert_via
from mmseg_plugins.utils.errors import UserError


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Convert a VIA JSON (polygons, rectangles, circles, ellipses) to COCO')
    parser.add_argument('json', type=Path, help='exported annotations, or a VIA 2 project')
    parser.add_argument('--images', type=Path, help='folder of the images; by default the one of the JSON')
    parser.add_argument('--out', type=Path, required=True, help='COCO JSON to write')
    parser.add_argument('--class-attribute', help='region attribute that holds the class name')
    parser.add_argument('--class-name', default='object', help='the class of all regions without --class-attribute')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    images = args.images or args.json.parent
    try:
        builder = convert_via(args.json, images, args.out, args.class_attribute, args.class_name)
    except (UserError, ValueError, OSError) as error:
        print(f'via.py: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: {builder.summary()}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
