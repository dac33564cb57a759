"""Semantic Boundaries Dataset (PASCAL VOC instances, .mat files) to COCO JSONs with exact masks.

    python tools/dataset_converters/sbd.py data/sbd

Then any instance config trains on it, for example
    python tools/train.py configs/panet/panet_r50-path_2x_coco.py --cfg-options data_root=data/sbd/ \\
        train_ann_file=annotations/instances_train.json val_ann_file=annotations/instances_val.json \\
        train_img_prefix=img/ val_img_prefix=img/
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmseg_plugins.data_prep.sbd import convert_sbd, which_list
from mmseg_plugins.utils.errors import UserError


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Convert ROOT/{inst,cls}/*.mat to COCO; the images stay in ROOT/img')
    parser.add_argument('root', type=Path, help='benchmark_RELEASE/dataset of the archive')
    parser.add_argument('--out', type=Path, help='folder of the JSONs; by default ROOT/annotations')
    parser.add_argument('--train', type=Path, help='list of names; by default ROOT/train.txt')
    parser.add_argument('--val', type=Path, help='list of names; by default ROOT/val.txt')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    out = args.out or args.root / 'annotations'
    lists = {split: path for split, path in (('train', args.train), ('val', args.val)) if path is not None}
    try:
        builders = convert_sbd(args.root, out, lists or None)
    except (UserError, ValueError, OSError, ImportError) as error:
        print(f'sbd.py: {error}', file=sys.stderr)
        return 1
    for split, builder in builders.items():
        print(f'{out}, {split}: {builder.summary()}{which_list(len(builder.images))}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
