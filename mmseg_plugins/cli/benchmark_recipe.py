"""Which learning rate suits a system?  The same tries for each, on a held-out tenth of its training images.

    mmseg-plugins benchmark recipe pspnet_lite0-os16_2000it-crop224_camvid
    mmseg-plugins benchmark recipe CONFIG_A CONFIG_B --iters 150 --lr-factor 1/3 1 3 --out-file recipe.json

Each try trains on the other nine tenths for --iters iterations and is scored on the held-out tenth.  The validation
images are never read.  The best score wins; scores at most --tie points below it count as equal, and of those the
factor nearest to 1 wins.  Tries that --out-file holds are not made again while the config and
the settings are the same.
"""

from __future__ import annotations

import argparse
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from mmseg_plugins.cli.arguments import CONFIG_HELP, add_cfg_options, add_out_file, at_least, check_out_file
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help=CONFIG_HELP)
    parser.add_argument('--lr-factor', type=_factor, nargs='+', default=[1 / 3, 1.0, 3.0], metavar='F',
                        help="on the config's learning rate; a try for each (default 1/3 1 3)")
    parser.add_argument('--iters', type=int, default=150, help='training iterations of a try (default 150)')
    parser.add_argument('--held-out', type=float, default=0.1, metavar='SHARE',
                        help='of the training images (default 0.1)')
    parser.add_argument('--precise', action='store_true',
                        help='compare the moving averages of batch norm with precise statistics, too')
    parser.add_argument('--tie', type=float, default=0.5, metavar='POINTS',
                        help='differences that count as none (default 0.5)')
    parser.add_argument('--seed', type=int, default=0, help='of the draw, weights and order (default 0)')
    parser.add_argument('--threads', type=int, help="torch's threads; default its own choice")
    add_out_file(parser, 'everything measured, JSON; tries that it holds are not made again', required=False)
    parser.add_argument('--page', type=Path, metavar='FILE',
                        help='Markdown page whose table is set from all tries of --out-file')
    add_cfg_options(parser)


def _factor(text: str) -> float:
    return float(Fraction(text))


def run(args: argparse.Namespace) -> int:
    at_least(1, iters=args.iters, threads=args.threads)
    at_least(0, tie=args.tie)
    if min(args.lr_factor) <= 0:
        raise UserError(f'--lr-factor {min(args.lr_factor)}: a factor is above 0.')
    if not 0 < args.held_out < 1:
        raise UserError(f'--held-out {args.held_out}: above 0 and below 1.')
    if args.page and not args.out_file:
        raise UserError('--page without --out-file.', rule='the page shows what the file holds.', fix='name both')
    check_out_file(args.out_file)
    import torch

    from mmseg_plugins.benchmark.pages import set_block
    from mmseg_plugins.benchmark.recipe import Settings, format_choices, format_settings, try_rate
    from mmseg_plugins.benchmark.short_runs import config_digest
    from mmseg_plugins.config.load import load_config
    from mmseg_plugins.engine.setup import setup_process
    from mmseg_plugins.utils import environment

    setup_process()
    if args.threads:
        torch.set_num_threads(args.threads)
    configs = {path: load_config(path, args.cfg_options) for path in args.configs}  # a wrong name shows first
    settings = Settings(args.iters, args.held_out, args.seed, args.precise)
    same = dict(settings._asdict(), cfg_options={key: str(value) for key, value in (args.cfg_options or {}).items()})
    machine = dict(cpu=environment.cpu_model(), threads=torch.get_num_threads(), torch=torch.__version__)
    tries = _written(args.out_file)
    for path, cfg in configs.items():
        name = Path(path).stem
        own = tries.setdefault(name, {})
        rate = (cfg.get('optim_wrapper') or {}).get('optimizer', {}).get('lr')
        of = dict(settings=same, config=config_digest(cfg), lr=rate)
        for factor in args.lr_factor:
            kept = own.get(factor, {'error': 'not made'})
            if 'error' not in kept and all(kept.get(key) == value for key, value in of.items()):
                continue
            try:
                own[factor] = dict(try_rate(cfg, settings, factor), **of, machine=machine)
            except UserError as error:
                own[factor] = dict(error=str(error), **of)
            _write(args.out_file, tries)
            print(f'{name}, lr x {factor:.3g}: {own[factor].get("error") or own[factor]["scores"]}', flush=True)
    asked = {Path(path).stem: {factor: tries[Path(path).stem][factor] for factor in args.lr_factor} for path in configs}
    print('\n' + format_choices(asked, args.lr_factor, precise=args.precise, tie=args.tie))
    if args.page:
        table = format_choices(tries, args.lr_factor, precise=args.precise, tie=args.tie)
        set_block(args.page, 'recipe', table + '\n\n' + format_settings(tries))
    return DONE


def _written(path: Path | None) -> dict[str, dict[float, Any]]:
    if path is None or not path.is_file():
        return {}
    tries = json.loads(path.read_text(encoding='utf-8'))['tries']
    return {name: {float(factor): row for factor, row in rows.items()} for name, rows in tries.items()}


def _write(path: Path | None, tries: dict[str, dict[float, Any]]) -> None:
    if path is not None:
        from mmseg_plugins.utils.atomic import atomic_write_bytes

        atomic_write_bytes(str(path), (json.dumps(dict(tries=tries), indent=1) + '\n').encode())
