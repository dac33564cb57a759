"""Draw what a config trains on, without a display.

    python tools/analysis_tools/browse_dataset.py CONFIG --out pictures
    python tools/analysis_tools/browse_dataset.py CONFIG --out pictures --split val --stage original --num 40

``--stage pipeline`` (default) shows what the network gets, augmentations and
all; ``original`` the image files with their annotations.  Writes one picture an
image and ``sheet.png`` with all of them, and prints where.  Images that cannot
be drawn are named; then the exit status is 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.utils.cfg_options import CfgOptions
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track


def draw_all(dataset: Any, args: argparse.Namespace) -> tuple[list[Path], list[str]]:
    """Draw ``--num`` evenly spaced images; returns the pictures' paths and one line for each failure."""
    from mmseg_plugins.reporting.class_counts import base_datasets
    from mmseg_plugins.structures.images import save_image
    from mmseg_plugins.visualization.browse import draw_original_item, draw_pipeline_item
    from mmseg_plugins.visualization.sheets import contact_sheet

    draw, source = (draw_pipeline_item, dataset)
    if args.stage == 'original':
        draw, source = draw_original_item, next(base_datasets(dataset))
    number = min(args.num, len(source))
    chosen = np.unique(np.linspace(0, len(source) - 1, number).round().astype(int))
    written, failures, pictures = [], [], []
    for index in track([int(value) for value in chosen], description='Drawing'):
        try:
            title, picture = draw(source, index)
        except (OSError, UserError, AssertionError, ValueError) as error:
            failures.append(f'index {index}: {type(error).__name__}: {error}')
            continue
        written.append(save_image(args.out / f'{index:06d}.jpg', picture))
        pictures.append((title, picture))
    if pictures:
        sheet = contact_sheet(pictures, min(4, len(pictures)), heading=f'{args.config}, {args.split}, {args.stage}')
        written.append(save_image(args.out / 'sheet.png', sheet))
    return written, failures


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file, or mmdet::... / mmseg::...')
    parser.add_argument('--out', type=Path, required=True, help='folder for the pictures')
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train')
    parser.add_argument('--num', type=int, default=16, help='images, evenly spaced over the data set (default 16)')
    parser.add_argument('--stage', choices=('pipeline', 'original'), default='pipeline')
    parser.add_argument('--seed', type=int, default=0, help='of the augmentations (default 0)')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides of the config, key=value')
    args = parser.parse_args(argv)
    from mmengine.runner import set_random_seed

    from mmseg_plugins.config.build import build_dataset
    from mmseg_plugins.config.load import load_config

    if args.num < 1:
        parser.error(f'--num {args.num}: at least one image')
    try:
        cfg = load_config(args.config, args.cfg_options)
        set_random_seed(args.seed)
        written, failures = draw_all(build_dataset(cfg, args.split), args)
    except UserError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'{len(written)} pictures written to {args.out}' + (f', all on {written[-1]}' if written else ''))
    for line in failures:
        print(f'could not draw {line}', file=sys.stderr)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
