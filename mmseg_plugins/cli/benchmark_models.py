"""Compare configs: training and inference time, peak memory, parameters, operations.

    mmseg-plugins benchmark models CONFIG_A CONFIG_B --rounds 3
    mmseg-plugins benchmark models CONFIG_A CONFIG_B --synthetic 256 256 4 --out-file benchmark.json

Each round is a fresh process that runs every config in turn, so that noise of
the machine hits all alike; the turn starts at another config each round.  The
table holds medians over the rounds and, in brackets, the ratio to the first
config.  Batches come from the data set where it is present and else are noise
of the config's own size; --synthetic H W BATCH always takes noise.  Weights are
as initialized.  On a CPU memory is that of the process, on CUDA what tensors
held.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mmseg_plugins.cli.arguments import (
    CONFIG_HELP,
    add_cfg_options,
    add_device,
    add_out_file,
    at_least,
    check_out_file,
)
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help=f'{CONFIG_HELP}; the first is the reference')
    parser.add_argument('--rounds', type=int, default=3, help='processes that each run all configs (default 3)')
    parser.add_argument('--train-iters', type=int, default=5, help='timed training iterations per round (default 5)')
    parser.add_argument('--infer-images', type=int, default=5, help='timed images per round (default 5)')
    parser.add_argument('--synthetic', type=int, nargs=3, metavar=('H', 'W', 'BATCH'), help='noise of this size')
    add_device(parser)
    parser.add_argument('--threads', type=int, help="torch's threads; default its own choice")
    add_out_file(parser, 'everything measured, JSON', required=False)
    add_cfg_options(parser)
    parser.add_argument('--worker', type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    at_least(1, rounds=args.rounds, train_iters=args.train_iters, infer_images=args.infer_images)
    check_out_file(args.out_file)
    from mmseg_plugins.benchmark.models import Settings
    from mmseg_plugins.benchmark.rounds import combine, format_table, measure_round, run_round
    from mmseg_plugins.config.load import load_config
    from mmseg_plugins.utils import environment
    from mmseg_plugins.utils.devices import usable_device
    from mmseg_plugins.utils.progress import track

    device = str(usable_device(args.device))
    if args.worker is not None:
        synthetic = tuple(args.synthetic) if args.synthetic else None
        settings = Settings(args.train_iters, args.infer_images, synthetic=synthetic, device=device)
        found = measure_round(args.configs, args.worker, settings, args.threads, args.cfg_options)
        args.out_file.write_text(json.dumps(found), encoding='utf-8')
        return DONE
    for path in args.configs:
        load_config(path, args.cfg_options)  # a wrong name shows before anything is measured
    rounds = [run_round(args.command_line[1:], number) for number in track(range(args.rounds), description='Rounds')]
    medians = combine(rounds, args.configs)
    hardware = environment.hardware()
    for path, values in medians.items():
        size = ' x '.join(map(str, values['size']))
        print(f'{Path(path).stem}: batch {values["batch"]} of {size}, {values["data"]}')
    print(f'{hardware["cpu"]}, {args.threads or hardware["torch_threads"]} threads, device {device}, '
          f'medians of {args.rounds} rounds\n')
    print(format_table(medians))
    if args.out_file:
        content = dict(medians=medians, rounds=rounds, hardware=hardware, versions=environment.versions())
        args.out_file.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
        print(f'\nwritten: {args.out_file}')
    return DONE
