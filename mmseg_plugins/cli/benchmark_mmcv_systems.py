"""Time whole systems with compiled mmcv's operators and with ours, in turns in one process on the same weights.

    mmseg-plugins benchmark mmcv-systems --threads 1 --clock cpu
    mmseg-plugins benchmark mmcv-systems fcis_r18-fpn_1500it_shapes --rounds 3

A training step is preprocessing, forward and backward of one batch.  The ratio is the median of the rounds' ratios,
ours to compiled; below 1 ours is faster.  It needs compiled mmcv (OPS=compiled make setup).  Table: docs/operators.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_plugins.cli.arguments import at_least
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.cli.timing import add_timing, start_timing, write_timing
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    parser.add_argument('configs', nargs='*', metavar='CONFIG', help='names or files (default: six systems)')
    parser.add_argument('--batch', type=int, default=2, help='images of a training step (default 2)')
    add_timing(parser, rounds=7, device=False)


def run(args: argparse.Namespace) -> int:
    at_least(1, batch=args.batch)
    _, clock = start_timing(args)
    from mmseg_plugins.engine.setup import setup_process

    setup_process()
    import torch

    from mmseg_plugins.benchmark.mmcv_operators import compiled_module
    from mmseg_plugins.benchmark.mmcv_systems import SYSTEMS, as_table, measure
    from mmseg_plugins.config.paths import resolve_config

    compiled = compiled_module()
    if compiled is None:
        raise UserError('mmcv is not compiled here, there is nothing to compare with.', fix='OPS=compiled make setup')
    print(f'torch {torch.__version__}, {torch.get_num_threads()} threads, {args.clock} time, medians of '
          f'{args.rounds}\n')
    paths = [Path(resolve_config(name)) for name in args.configs or SYSTEMS]
    results = [measure(path, compiled, args.rounds, args.batch, clock) for path in paths]
    print(as_table(results))
    write_timing(args.out_file, dict(results=[one._asdict() for one in results]))
    return DONE
