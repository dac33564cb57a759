"""Can a system learn a few images by heart?  One row per config.

    mmseg-plugins benchmark overfit segnet_vgg16s_1000it-crop224_camvid --lr-factor 1 5
    mmseg-plugins benchmark overfit CONFIG_A CONFIG_B --images 8 --iters 200 --out-file overfit.jsonl
    mmseg-plugins benchmark overfit all --timeout 600 --out-file docs/overfit.jsonl --page docs/overfit.md

Each config trains on the first images of its training set, without augmentation, and is scored on the same images.
A system that cannot fit them has a fault of recipe or code.  The second score is that with batch norm statistics
averaged over the training batches: where it is much better, the moving averages are to blame.

"all" is every system's small recipe.  What fails or takes too long is a row, too; the same command tries it again.
A row of --out-file is measured anew when its config is named and was changed since, or other settings are asked for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_plugins.cli.arguments import add_cfg_options, add_out_file, at_least, check_out_file
from mmseg_plugins.cli.frame import DONE, PARTLY, Parser
from mmseg_plugins.utils.errors import UserError

if TYPE_CHECKING:
    from mmseg_plugins.benchmark.overfit import Settings


def add_arguments(parser: Parser) -> None:
    parser.add_argument('configs', nargs='*', metavar='CONFIG',
                        help='names of our configs, config files, or "all": the small recipe of every system; '
                        'none: the rows of --out-file')
    parser.add_argument('--images', type=int, default=8, help='how many (default 8)')
    parser.add_argument('--size', type=int, nargs=2, metavar=('H', 'W'),
                        help='of every image of a semantic config (default 64 96, or one window of a sliding test, or '
                        'as they are where the config neither resizes nor crops); instances keep theirs')
    parser.add_argument('--batch-size', type=int, metavar='N',
                        help="images of a training step (default the recipe's); fewer where whole images need more "
                        'memory than its crops')
    parser.add_argument('--iters', type=int, default=200, help='training iterations (default 200)')
    parser.add_argument('--lr-factor', type=float, nargs='+', default=[1.0], metavar='F',
                        help="on the config's learning rate; a row for each")
    parser.add_argument('--seed', type=int, default=0, help='of weights and order (default 0)')
    parser.add_argument('--threads', type=int, help="torch's threads; default its own choice")
    parser.add_argument('--timeout', type=float, metavar='S', help='seconds for each training; default any')
    add_out_file(parser, 'a JSON line per row; rows that it holds are kept', required=False)
    parser.add_argument('--page', type=Path, metavar='FILE',
                        help='Markdown page whose table is set from the rows of --out-file')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    at_least(1, images=args.images, iters=args.iters, threads=args.threads, timeout=args.timeout,
             batch_size=args.batch_size)
    if min(args.lr_factor) <= 0:
        raise UserError(f'--lr-factor {min(args.lr_factor)}: a factor is above 0.')
    if not args.configs and not args.out_file:
        raise UserError('there is neither a config nor an --out-file.', fix='name configs, or "all"')
    if args.page and not args.page.is_file():
        raise UserError(f'--page {args.page} does not exist.', fix='write a page with two marks for the table first')
    check_out_file(args.out_file)
    import torch

    from mmseg_plugins.benchmark.overfit import Settings
    from mmseg_plugins.benchmark.overfit_table import append_row, format_rows, in_order, read_rows, write_page
    from mmseg_plugins.engine.setup import setup_process

    setup_process()
    if args.threads:
        torch.set_num_threads(args.threads)
    rows = read_rows(args.out_file)
    for path, named in _names(args.configs).items():
        for factor in args.lr_factor:
            name = Path(path).stem + ('' if factor == 1 else f' (lr x {factor:g})')
            settings = Settings(args.images, tuple(args.size) if args.size else None, args.iters, factor, args.seed,
                                args.batch_size)
            kept = 'error' not in rows.get(name, {'error': 'not measured'})
            if kept and not (named and _changed(rows[name], path, settings, args)):
                _name_differences(rows[name], settings)
                continue
            rows[name] = _measure(name, path, settings, args)
            print(format_rows([rows[name]]).splitlines()[-1], flush=True)
            append_row(args.out_file, rows[name])
    ordered = in_order(rows)
    print('\n' + format_rows(ordered))
    if args.page:
        write_page(args.page, ordered)
    return PARTLY if any('error' in row for row in ordered) else DONE


def _names(words: Sequence[str]) -> dict[str, bool]:
    """Each config once and whether it was named, not meant by "all"; a wrong name shows before anything is measured."""
    from mmseg_plugins.benchmark.overfit_table import small_systems
    from mmseg_plugins.config.paths import resolve_config

    every = dict.fromkeys(small_systems(), False) if 'all' in words else {}
    names = every | {word: True for word in words if word != 'all'}
    for name in names:
        resolve_config(name)
    return names


def _changed(row: dict[str, Any], path: str, settings: Settings, args: argparse.Namespace) -> bool:
    """Whether a row is of other settings, or of a config that has changed since (older rows do not say)."""
    from mmseg_plugins.benchmark.overfit_table import other_settings
    from mmseg_plugins.benchmark.short_runs import config_digest
    from mmseg_plugins.config.load import load_config

    digest = config_digest(load_config(path, args.cfg_options))
    return bool(other_settings(row, settings)) or row.get('config', digest) != digest


def _name_differences(row: dict[str, Any], settings: Settings) -> None:
    """Say that a row stays although it is of other settings: the table of all systems has some of their own."""
    from mmseg_plugins.benchmark.overfit_table import other_settings

    if other := other_settings(row, settings):
        values = ', '.join(f'{key}={value}' for key, value in other.items())
        print(f'{row["name"]}: kept as it is, measured with {values}; name the config to measure it anew',
              file=sys.stderr)


def _measure(name: str, path: str, settings: Settings, args: argparse.Namespace) -> dict[str, Any]:
    """One row.  Whatever goes wrong with one system is its row: the others shall still be measured."""
    import torch

    from mmseg_plugins.benchmark.overfit import measure_overfit
    from mmseg_plugins.benchmark.short_runs import config_digest
    from mmseg_plugins.config.load import load_config
    from mmseg_plugins.utils import environment

    machine = dict(cpu=environment.cpu_model(), threads=torch.get_num_threads(), torch=torch.__version__)
    row = dict(name=name, settings=settings._asdict(), machine=machine)
    try:
        cfg = load_config(path, args.cfg_options)
        row['config'] = config_digest(cfg)
        return row | measure_overfit(cfg, settings, args.timeout)
    except Exception as error:  # of the system that is measured
        kind = '' if isinstance(error, UserError) else f'{type(error).__name__}: '
        return row | dict(error=kind + ' '.join(line.strip() for line in str(error).splitlines()[:2]))
