"""Measure the RoI operators: time, memory, and how they compare with a pass over the maps and a loop over RoIs.

    python tools/analysis_tools/benchmark_ops.py
    python tools/analysis_tools/benchmark_ops.py --threads 1 --rounds 9 --out ops.json

One line an operator.  ``pass`` is x.clone() of the maps that it reads, timed in turn with it: one read and one write,
and the memory is fresh, as the operator's result is.  ``forward`` and ``train`` (forward and backward) are medians over
the rounds with their ratio to ``pass`` in brackets, ``loop`` is one run of a plain Python loop over RoIs (and bins, for
windows) with its ratio to ``forward``.  Each operator is compared with its loop before it is timed.  Peak memory is
what the forward pass takes above the maps, its result included.

On a machine that does other work as well, ``--clock cpu --threads 1`` counts the process's own processor time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rois', type=int, default=300, help='RoIs (default 300)')
    parser.add_argument('--classes', type=int, default=81, help="classes of FCIS's maps with background (default 81)")
    parser.add_argument('--channels', type=int, default=256, help="channels of the other operators' maps (default 256)")
    parser.add_argument('--rounds', type=int, default=7, help='timed runs of each (default 7)')
    parser.add_argument('--no-loop', action='store_true', help='leave the loops out, which take most of the time')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ... (default cpu)')
    parser.add_argument('--threads', type=int, help="torch's threads; default its own choice")
    parser.add_argument('--clock', choices=['wall', 'cpu'], default='wall', help='what is counted (default wall)')
    parser.add_argument('--out', type=Path, help='write everything measured to this JSON file')
    return parser


def format_table(results: Sequence[Mapping[str, Any]]) -> str:
    """One row an operator, as Markdown; times in ms."""
    rows = [[
        'operator', 'maps', 'pass ms', 'forward ms (x pass)', 'train ms (x pass)', 'loop ms (x forward)', 'peak MB'
    ]]
    for one in results:
        row = [one['name'], ' x '.join(map(str, one['size'])), f'{one["pass_s"] * 1e3:.3g}']
        for key in ('forward_s', 'train_s'):
            row.append('-' if one[key] is None else f'{one[key] * 1e3:.4g} ({one[key] / one["pass_s"]:.3g})')
        loop = one['loop_s']
        row.append('-' if loop is None else f'{loop * 1e3:.4g} ({loop / one["forward_s"]:.3g})')
        rows.append([*row, f'{one["peak_mb"]:.0f}'])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]
    return '\n'.join([lines[0], '|' + '|'.join('-' * (width + 2) for width in widths) + '|', *lines[1:]])


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    for name in ('rois', 'classes', 'channels', 'rounds'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} {getattr(args, name)}: at least 1')
    import torch

    from mmseg_plugins.benchmark.operators import SIDES, make_cases, measure_case
    from mmseg_plugins.utils import environment
    from mmseg_plugins.utils.progress import track

    if args.clock == 'cpu' and args.device != 'cpu':
        parser.error(f'--clock cpu --device {args.device}: processor time says nothing about another device; leave it')
    if args.threads:
        torch.set_num_threads(args.threads)
    cases = make_cases(args.classes, args.channels)
    clock = time.process_time if args.clock == 'cpu' else time.perf_counter
    results = [measure_case(case, args.rois, args.rounds, args.device, loop=not args.no_loop, clock=clock)
               for case in track(cases, description='Operators')]
    hardware = environment.hardware()
    print(f'{hardware["cpu"]}, {torch.get_num_threads()} threads, device {args.device}, torch {torch.__version__}, '
          f'{args.clock} time, medians of {args.rounds} runs;\n'
          f'{args.rois} RoIs with sides of {SIDES[0]} to {SIDES[1]} px, one image\n')
    print(format_table(results))
    warm = results[0]
    print(f"\nA pass over FCIS's maps into memory already in use (y.copy_(x)) takes {warm['copy_s'] * 1e3:.3g} ms.")
    if args.out:
        content = dict(results=results, hardware=hardware, versions=environment.versions())
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
        print(f'written: {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
