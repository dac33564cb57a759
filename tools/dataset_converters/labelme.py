"""A folder of labelme files to COCO.

python tools/dataset_converters/labelme.py photos --out photos/annotations --val-fraction 0.2
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmseg_plugins.data_prep.labelme import convert_labelme
from mmseg_plugins.utils.errors import UserError


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Convert labelme files (polygons, rectangles, circles) to COCO')
    parser.add_argument('folder', type=Path, help='images and their labelme JSON files')
    parser.add_argument('--out', type=Path, required=True, help='folder for instances_{train,val}.json')
    parser.add_argument('--classes', nargs='+', help='class names in label order; by default all labels, sorted')
    parser.add_argument('--val-fraction', type=float, default=0.0, help='part of the images for validation')
    parser.add_argument('--seed', type=int, default=0, help='of the split')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    try:
        builders = convert_labelme(args.folder, args.out, args.classes, args.val_fraction, args.seed)
    except (UserError, ValueError, OSError) as error:
        print(f'labelme.py: {error}', file=sys.stderr)
        return 1
    for split, builder in builders.items():
        print(f'{args.out}, {split}: {builder.summary()}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
