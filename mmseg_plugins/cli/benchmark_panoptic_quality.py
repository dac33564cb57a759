"""Measure the slow step of panoptic quality, counting shared pixels: runs of equal ids next to sorting all pixels.

    mmseg-plugins benchmark panoptic-quality
    mmseg-plugins benchmark panoptic-quality --rounds 20 --clock cpu --out-file pq.json

The maps are made up: regions with straight borders, and a prediction that is noise.  Both ways take turns and must
count the same; the least time of each is shown.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.cli.timing import add_timing, start_timing, write_timing


def add_arguments(parser: Parser) -> None:
    add_timing(parser, rounds=5, device=False)


def run(args: argparse.Namespace) -> int:
    _, clock = start_timing(args)
    from mmseg_plugins.benchmark.panoptic_quality import CASES, measure_panoptic_quality
    from mmseg_plugins.utils import environment

    print(f'{environment.hardware()["cpu"]}, {args.clock} time, best of {args.rounds}\n')
    print('| image | sorting pixels | runs |\n|---|---|---|')
    measured = []
    for case in CASES:
        one = measure_panoptic_quality(case, args.rounds, clock)
        what = f'{case.segments} segments' if case.segments else 'prediction is noise'
        times = ' | '.join(f'{one[key] * 1e3:.1f} ms' for key in ('sorting_s', 'runs_s'))
        print(f'| {case.height} x {case.width}, {what} | {times} |')
        measured.append(one)
    write_timing(args.out_file, dict(cases=measured, clock=args.clock, rounds=args.rounds))
    return DONE
