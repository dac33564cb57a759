"""Time the operators that stand in for compiled mmcv's, in turns with mmcv's own in one process.

    mmseg-plugins benchmark mmcv-operators --threads 1 --clock cpu

One line per operator, forward and backward, ours, mmcv's and their ratio; below 1 ours is faster.  mmcv's own is its
compiled kernel, or the PyTorch code that mmcv itself runs on that device; where it has neither, the columns stay
empty.  Values are compared before they are timed.  Tables: docs/operators.md.

On a machine that does other work as well, --clock cpu --threads 1 counts the process's own processor time.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.cli.timing import add_timing, start_timing, write_timing


def add_arguments(parser: Parser) -> None:
    add_timing(parser, rounds=5)


def run(args: argparse.Namespace) -> int:
    device, clock = start_timing(args)
    from mmseg_plugins.engine.setup import setup_process

    setup_process()
    import torch

    from mmseg_plugins.benchmark.mmcv_operators import as_table, compiled_module, make_cases, measure

    kind = 'compiled mmcv' if compiled_module() else 'mmcv without compiled operators'
    print(f'torch {torch.__version__}, {kind}, {torch.get_num_threads()} threads, {device}, {args.clock} time, '
          f'medians of {args.rounds}\n')
    results = [measure(case, args.rounds, clock, device) for case in make_cases(device)]
    print(as_table(results))
    write_timing(args.out_file, dict(results=[one._asdict() for one in results]))
    return DONE
