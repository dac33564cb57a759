"""Measure the RoI operators: time, memory, and how they compare with a pass over the maps and a loop over RoIs.

    mmseg-plugins benchmark operators
    mmseg-plugins benchmark operators --threads 1 --rounds 9 --out-file ops.json

One line per operator.  "pass" is x.clone() of the maps that it reads, timed in turn with it: one read and one write,
and the memory is fresh, as the operator's result is.  "forward" and "train" (forward and backward) are medians over
the rounds with their ratio to "pass" in brackets, "loop" is one run of a plain Python loop over RoIs (and bins, for
windows) with its ratio to "forward".  Each operator is compared with its loop before it is timed.  Peak memory is
what the forward pass takes above the maps, its result included.

On a machine that does other work as well, --clock cpu --threads 1 counts the process's own processor time.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.arguments import at_least
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.cli.timing import add_timing, start_timing, write_timing


def add_arguments(parser: Parser) -> None:
    parser.add_argument('--rois', type=int, default=300, help='RoIs (default 300)')
    parser.add_argument('--classes', type=int, default=81, help="classes of FCIS's maps with background (default 81)")
    parser.add_argument('--channels', type=int, default=256, help="channels of the other operators' maps (default 256)")
    parser.add_argument('--no-loop', action='store_true', help='leave the loops out, which take most of the time')
    add_timing(parser, rounds=7)


def run(args: argparse.Namespace) -> int:
    at_least(1, rois=args.rois, classes=args.classes, channels=args.channels)
    device, clock = start_timing(args)
    import torch

    from mmseg_plugins.benchmark.operators import SIDES, format_table, make_cases, measure_case
    from mmseg_plugins.utils import environment
    from mmseg_plugins.utils.progress import track

    cases = make_cases(args.classes, args.channels)
    results = [measure_case(case, args.rois, args.rounds, device, loop=not args.no_loop, clock=clock)
               for case in track(cases, description='Operators')]
    print(f'{environment.hardware()["cpu"]}, {torch.get_num_threads()} threads, device {device}, torch '
          f'{torch.__version__}, {args.clock} time, medians of {args.rounds} runs;\n'
          f'{args.rois} RoIs with sides of {SIDES[0]} to {SIDES[1]} px, one image\n')
    print(format_table(results))
    seconds = results[0]['copy_s']
    print(f"\nA pass over FCIS's maps into memory already in use (y.copy_(x)) takes {seconds * 1e3:.3g} ms.")
    write_timing(args.out_file, dict(results=results))
    return DONE
