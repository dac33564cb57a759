"""Choose a dense CRF's parameters for a trained segmentor: a grid on some validation images, scored by mean IoU.

    mmseg-plugins tune-crf CONFIG CHECKPOINT
    mmseg-plugins tune-crf CONFIG CHECKPOINT --images 50 --start deeplabv2-r101 \\
        --grid bilateral_sxy=20,40,60 bilateral_srgb=3,5,9 bilateral_compat=3,4,6 --out-file crf.json

The network runs once per image; the CRF once per image and combination.  The best settings come first, with the line
for a config.  Images chosen for tuning are not for reporting: tune on some, evaluate on others.
"""

from __future__ import annotations

import argparse
import json

from mmseg_plugins.cli.arguments import (
    add_cfg_options,
    add_config,
    add_device,
    add_out_file,
    at_least,
    check_out_file,
)
from mmseg_plugins.cli.frame import DONE, Parser

DEFAULT = ['bilateral_sxy=20,40,60', 'bilateral_srgb=3,5,9', 'bilateral_compat=3,5']


def add_arguments(parser: Parser) -> None:
    add_config(parser)
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='.pth file')
    parser.add_argument('--images', type=int, default=20, help='images, spread over the validation set (default 20)')
    parser.add_argument('--start', default='pydensecrf', help='preset for what the grid does not vary')
    parser.add_argument('--grid', nargs='+', default=DEFAULT, metavar='NAME=V,V', help=f'default {" ".join(DEFAULT)}')
    add_device(parser)
    add_out_file(parser, 'all scores, JSON', required=False)
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    at_least(1, images=args.images)
    check_out_file(args.out_file)
    from mmseg_plugins.engine.setup import setup_process

    setup_process()  # models need operators
    from mmseg_plugins.apis.tune_crf import grid, parse_grid, read_examples, score_params
    from mmseg_plugins.utils.progress import track

    values = parse_grid(args.grid)
    candidates = grid(args.start, values)
    examples = read_examples(args.config, args.checkpoint, args.images, args.device, args.cfg_options)
    results = []
    for params in track(candidates, description='CRF'):
        plain, (score,) = score_params(examples, [params])
        results.append((score, {name: getattr(params, name) for name in values}))
    results.sort(key=lambda one: -one[0])
    print(f'{len(examples)} images, mean IoU without a CRF {plain:.2f}\n')
    for score, changed in results:
        print(f'{score:.2f}  ' + '  '.join(f'{name} {value}' for name, value in changed.items()))
    best = ', '.join(f'{name}={value}' for name, value in results[0][1].items())
    print(f"\npost_process = dict(\n    type='mmseg_plugins.DenseCRFPostProcess', preset='{args.start}', "
          f'params=dict({best}))')
    if args.out_file:
        scores = [dict(mIoU=score, **changed) for score, changed in results]
        content = dict(images=len(examples), start=args.start, plain=plain, scores=scores)
        args.out_file.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
        print(f'written: {args.out_file}')
    return DONE
