"""Choose a dense CRF's parameters for a trained segmentor: a grid on some validation images, scored by mean IoU.

    python tools/analysis_tools/tune_crf.py CONFIG CHECKPOINT
    python tools/analysis_tools/tune_crf.py CONFIG CHECKPOINT --images 50 --start deeplabv2-r101 \
        --grid bilateral_sxy=20,40,60 bilateral_srgb=3,5,9 bilateral_compat=3,4,6 --out crf.json

The network runs once an image; the CRF once an image and combination.  The best settings come first, with the line
for a config.  Images chosen for tuning are not for reporting: tune on some, evaluate on others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_plugins.utils.cfg_options import CfgOptions
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track

DEFAULT = ['bilateral_sxy=20,40,60', 'bilateral_srgb=3,5,9', 'bilateral_compat=3,5']


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file of a segmentor')
    parser.add_argument('checkpoint', help='.pth file')
    parser.add_argument('--images', type=int, default=20, help='images, spread over the validation set (default 20)')
    parser.add_argument('--start', default='pydensecrf', help='preset for what the grid does not vary')
    parser.add_argument('--grid', nargs='+', default=DEFAULT, metavar='NAME=V,V', help=f'default {" ".join(DEFAULT)}')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ... (default cpu)')
    parser.add_argument('--out', type=Path, help='write all scores to this JSON file')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides of the config, key=value')
    return parser


def parse_grid(words: Sequence[str]) -> dict[str, list[float]]:
    """``['bilateral_sxy=20,40']`` -> ``{'bilateral_sxy': [20.0, 40.0]}``.

    Raises:
        ValueError: a word of another form.
    """
    values: dict[str, list[float]] = {}
    for word in words:
        name, _, numbers = word.partition('=')
        try:
            values[name] = [int(number) if number.isdigit() else float(number) for number in numbers.split(',')]
        except (UserError, ValueError) as error:
            raise ValueError(f'--grid {word}: write NAME=number,number, e.g. bilateral_sxy=20,40') from error
    return values


def read_examples(args: argparse.Namespace) -> list[Any]:
    """Run the network on some validation images."""
    import torch
    from mmengine.registry import DATASETS

    from mmseg_plugins.apis.inference import Predictor
    from mmseg_plugins.models.crf import DenseCRFPostProcess
    from mmseg_plugins.planning.tune_crf import Example
    from mmseg_plugins.structures.images import read_image

    predictor = Predictor(args.config, args.checkpoint, args.device,
                          cfg_options={**(args.cfg_options or {}), 'post_process': None})
    if not predictor.semantic:
        raise UserError(f'{args.config} is no semantic config (default_scope mmseg): it has no label maps to score')
    dataset = DATASETS.build(predictor.cfg.val_dataloader.dataset)
    step = max(1, len(dataset) // args.images)
    scores, examples = DenseCRFPostProcess(), []
    for index in track(list(range(0, len(dataset), step))[:args.images], description='Network'):
        path = dataset.get_data_info(index)['img_path']
        sample = predictor(path)
        label = dataset[index]['data_samples'].gt_sem_seg.data[0]
        image = torch.from_numpy(read_image(path)[..., ::-1].transpose(2, 0, 1).copy())  # BGR -> RGB
        examples.append(Example(scores.probabilities(sample, predictor.model), image, label))
    return examples


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.images < 1:
        parser.error(f'--images {args.images}: at least 1')
    from mmseg_plugins.planning.tune_crf import grid, score_params

    try:
        values = parse_grid(args.grid)
        candidates = grid(args.start, values)
        examples = read_examples(args)
    except (ValueError, UserError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
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
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(dict(
            images=len(examples), start=args.start, plain=plain,
            scores=[dict(mIoU=score, **changed) for score, changed in results]), indent=1) + '\n', encoding='utf-8')
        print(f'written: {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
