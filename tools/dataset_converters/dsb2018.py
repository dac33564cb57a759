"""2018 Data Science Bowl (BBBC038v1) stage1_train to COCO with exact masks.

python tools/dataset_converters/dsb2018.py stage1_train --out data/nuclei --val-fraction 0.125 --seed 0
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmseg_plugins.data_prep.dsb2018 import convert_dsb2018
from mmseg_plugins.utils.errors import UserError


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Convert stage1_train/<id>/{images,masks} to COCO')
    parser.add_argument('root', type=Path, help='the folder stage1_train')
    parser.add_argument('--out', type=Path, default=Path('data/nuclei'))
    parser.add_argument('--val-fraction', type=float, default=0.125, help='part of the images for validation')
    parser.add_argument('--seed', type=int, default=0, help='of the split')
    parser.add_argument('--plain', action='store_true', help='split at random instead of by kind of microscopy')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    try:
        builders = convert_dsb2018(args.root, args.out, args.val_fraction, args.seed, stratified=not args.plain)
    except (UserError, ValueError, OSError) as error:
        print(f'dsb2018.py: {error}', file=sys.stderr)
        return 1
    for split, builder in builders.items():
        print(f'{args.out}, {split}: {builder.summary()}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
