"""Compare configs: training and inference time, peak memory, parameters, operations.

    python tools/analysis_tools/benchmark.py CONFIG_A CONFIG_B --rounds 3
    python tools/analysis_tools/benchmark.py CONFIG_A CONFIG_B --synthetic 256 256 4 --out benchmark.json

Each round is a fresh process that runs every config in turn, so that noise of
the machine hits all alike; the turn starts at another config each round.  The
table holds medians over the rounds and, in brackets, the ratio to the first
config.  Batches come from the data set where it is present and else are noise
of the config's own size; ``--synthetic H W BATCH`` always takes noise.  Weights
are as initialised.  On a CPU memory is that of the process, on CUDA what
tensors held.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mmseg_plugins
from mmseg_plugins.utils.cfg_options import CfgOptions
from mmseg_plugins.utils.errors import UserError

#: Column -> its heading, the factor to the shown unit, and the format.
COLUMNS = {
    'train_s': ('train s/iter', 1.0, '{:.4g}'),
    'infer_s': ('infer s/image', 1.0, '{:.4g}'),
    'train_peak_mb': ('train peak MB', 1.0, '{:.0f}'),
    'infer_peak_mb': ('infer peak MB', 1.0, '{:.0f}'),
    'parameters': ('M params', 1e-6, '{:.3g}'),
    'macs': ('GMACs', 1e-9, '{:.4g}'),
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', help='config files, the first is the reference')
    parser.add_argument('--rounds', type=int, default=3, help='processes that each run all configs (default 3)')
    parser.add_argument('--train-iters', type=int, default=5, help='timed training iterations a round (default 5)')
    parser.add_argument('--infer-images', type=int, default=5, help='timed images a round (default 5)')
    parser.add_argument('--synthetic', type=int, nargs=3, metavar=('H', 'W', 'BATCH'), help='noise of this size')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ... (default cpu)')
    parser.add_argument('--threads', type=int, help="torch's threads; default its own choice")
    parser.add_argument('--out', type=Path, help='write everything measured to this JSON file')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides of every config, key=value')
    parser.add_argument('--worker', type=int, help=argparse.SUPPRESS)
    return parser


def run_round(args: argparse.Namespace, number: int) -> dict[str, dict[str, Any]]:
    """Measure every config once in this process, starting at another one each round."""
    import torch

    from mmseg_plugins.benchmark.models import Settings, measure_config
    from mmseg_plugins.config.load import load_config

    if args.threads:
        torch.set_num_threads(args.threads)
    synthetic = tuple(args.synthetic) if args.synthetic else None
    settings = Settings(args.train_iters, args.infer_images, synthetic=synthetic, device=args.device)
    start = number % len(args.configs)
    turn = args.configs[start:] + args.configs[:start]
    return {path: measure_config(load_config(path, args.cfg_options), settings) for path in turn}


def combine(rounds: Sequence[Mapping[str, Mapping[str, Any]]], configs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Medians over the rounds for each config; what is no number is taken from the first round."""
    result = {}
    for path in configs:
        runs = [one[path] for one in rounds]
        result[path] = {
            key: statistics.median(run[key] for run in runs) if key in COLUMNS and runs[0][key] is not None else value
            for key, value in runs[0].items()
        }
    return result


def format_table(medians: Mapping[str, Mapping[str, Any]]) -> str:
    """A table with one row a config, ratios to the first in brackets."""
    first = next(iter(medians.values()))
    rows = [['config', *(heading for heading, _, _ in COLUMNS.values())]]
    for path, values in medians.items():
        row = [Path(path).stem]
        for key, (_, factor, form) in COLUMNS.items():
            value, reference = values[key], first[key]
            ratio = f' ({value / reference:.2f})' if value is not None and reference else ''
            row.append('-' if value is None else form.format(value * factor) + ratio)
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return '\n'.join([lines[0], '-' * len(lines[0]), *lines[1:]])


def run_worker(argv: Sequence[str], number: int, folder: str) -> dict[str, dict[str, Any]]:
    """Run one round in a fresh process.

    Raises:
        RuntimeError: the process failed; its error output is shown as it came.
    """
    out = Path(folder) / f'round_{number}.json'
    command = [sys.executable, str(Path(__file__).resolve()), *argv, '--worker', str(number), '--out', str(out)]
    # A package that was found by the path alone, not installed, must be found by the child too.
    paths = [str(Path(mmseg_plugins.__file__).resolve().parents[1]), os.environ.get('PYTHONPATH', '')]
    environ = {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, paths))}
    done = subprocess.run(command, stdout=subprocess.DEVNULL, env=environ)
    if done.returncode != 0:
        raise RuntimeError(f'round {number + 1} failed with exit status {done.returncode}')
    return json.loads(out.read_text(encoding='utf-8'))


def main(argv: Sequence[str] | None = None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    args = parser.parse_args(argv)
    for name in ('rounds', 'train_iters', 'infer_images'):
        if getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} {getattr(args, name)}: at least 1')
    from mmseg_plugins.config.load import load_config
    from mmseg_plugins.utils import environment
    from mmseg_plugins.utils.progress import track

    try:
        for path in args.configs:
            load_config(path, args.cfg_options)  # a wrong name shows before anything is measured
    except UserError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    if args.worker is not None:
        args.out.write_text(json.dumps(run_round(args, args.worker)), encoding='utf-8')
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            numbers = track(range(args.rounds), description='Rounds')
            rounds = [run_worker(argv, number, folder) for number in numbers]
    except RuntimeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    medians = combine(rounds, args.configs)
    hardware = environment.hardware()
    for path, values in medians.items():
        size = ' x '.join(map(str, values['size']))
        print(f'{Path(path).stem}: batch {values["batch"]} of {size}, {values["data"]}')
    print(f'{hardware["cpu"]}, {args.threads or hardware["torch_threads"]} threads, device {args.device}, '
          f'medians of {args.rounds} rounds\n')
    print(format_table(medians))
    if args.out:
        content = dict(medians=medians, rounds=rounds, hardware=hardware, versions=environment.versions())
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
        print(f'\nwritten: {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
