"""Can a system learn a few images by heart?  One row per config.

    mmseg-plugins benchmark overfit segnet_vgg16s_1000it-crop224_camvid --lr-factor 1 5
    mmseg-plugins benchmark overfit CONFIG_A CONFIG_B --images 8 --iters 200 --out-file overfit.json

Each config trains on the first images of its training set, without augmentation, and is scored on the same images.
A system that cannot fit them has a fault of recipe or code.  The second score is that with batch norm statistics
averaged over the training batches: where it is much better, the moving averages are to blame.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mmseg_plugins.cli.arguments import CONFIG_HELP, add_cfg_options, add_out_file, at_least, check_out_file
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help=CONFIG_HELP)
    parser.add_argument('--images', type=int, default=8, help='how many (default 8)')
    parser.add_argument('--size', type=int, nargs=2, metavar=('H', 'W'),
                        help='of every image of a semantic config (default 64 96); instances keep theirs')
    parser.add_argument('--iters', type=int, default=200, help='training iterations (default 200)')
    parser.add_argument('--lr-factor', type=float, nargs='+', default=[1.0], metavar='F',
                        help="on the config's learning rate; a row for each")
    parser.add_argument('--seed', type=int, default=0, help='of weights and order (default 0)')
    parser.add_argument('--threads', type=int, help="torch's threads; default its own choice")
    add_out_file(parser, 'everything measured, JSON; rows that it holds are not measured again', required=False)
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    at_least(1, images=args.images, iters=args.iters, threads=args.threads)
    if min(args.lr_factor) <= 0:
        raise UserError(f'--lr-factor {min(args.lr_factor)}: a factor is above 0.')
    check_out_file(args.out_file)
    import torch

    from mmseg_plugins.benchmark.overfit import Settings, format_rows, measure_overfit
    from mmseg_plugins.config.load import load_config
    from mmseg_plugins.engine.setup import setup_process

    setup_process()
    if args.threads:
        torch.set_num_threads(args.threads)
    configs = {path: load_config(path, args.cfg_options) for path in args.configs}  # a wrong name shows first
    rows = _written(args.out_file)
    for path, cfg in configs.items():
        for factor in args.lr_factor:
            name = Path(path).stem + ('' if factor == 1 else f' (lr x {factor:g})')
            if name in rows:
                continue
            settings = Settings(args.images, tuple(args.size) if args.size else None, args.iters, factor, args.seed)
            try:
                rows[name] = dict(measure_overfit(cfg, settings), settings=settings._asdict())
            except UserError as error:
                rows[name] = dict(error=str(error))
            print(format_rows({name: rows[name]}).splitlines()[-1], flush=True)
            _write(args.out_file, rows)
    print('\n' + format_rows(rows))
    return DONE


def _written(path: Path | None) -> dict[str, Any]:
    if path is None or not path.is_file():
        return {}
    rows = json.loads(path.read_text(encoding='utf-8'))['rows']
    return {name: row for name, row in rows.items() if 'error' not in row}


def _write(path: Path | None, rows: dict[str, Any]) -> None:
    if path is None:
        return
    from mmseg_plugins.utils import environment

    content = dict(rows=rows, hardware=environment.hardware(), versions=environment.versions())
    path.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
