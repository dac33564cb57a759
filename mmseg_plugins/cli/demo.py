"""From nothing to pictures: generate data, draw it, train, evaluate on held-out images, predict, print one table.

    mmseg-plugins demo [--fresh] [--work-dir work_dirs/demo]        (make demo calls it)

Every step is a subcommand, run as a user would run it.  A second call re-uses
what is there: finished data, and a training that continues where it stood.
--fresh trains anew.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError

REPORT = (
    'summary.json', 'scalars.csv', 'curves_loss.png', 'curves_metric.png', 'samples_train.png', 'samples_val.png'
)  # fmt: skip
CONFIG = 'panet_r18-path_1500it_shapes'
DATA = 'data/shapes'


def add_arguments(parser: Parser) -> None:
    parser.add_argument('--fresh', action='store_true', help='train anew although a training is there')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'), help='folder for everything but the '
                        'data (default work_dirs/demo)')


def run(args: argparse.Namespace) -> int:
    start = time.monotonic()
    work_dir = args.work_dir
    if args.fresh and work_dir.is_dir():
        shutil.rmtree(work_dir)
    _run('convert-data', 'shapes', '--out-dir', DATA)
    _run('browse', CONFIG, '--out-dir', str(work_dir / 'data'), '--num', '8')
    peak = _run('train', CONFIG, '--work-dir', str(work_dir))
    summary = json.loads((work_dir / 'summary.json').read_text(encoding='utf-8'))
    best = Path(summary['checkpoints']['best'])
    checkpoint = str(best if best.is_absolute() else work_dir / best)
    _run('predict', CONFIG, checkpoint, f'{DATA}/val', '--out-dir', str(work_dir / 'predictions'))
    metrics = summary['metrics']['best']
    _show_table([
        ('mask AP (held-out images)', f'{_value(metrics, "coco/segm_mAP"):.3f}'),
        ('box AP (held-out images)', f'{_value(metrics, "coco/bbox_mAP"):.3f}'),
        ('training', f'{summary["minutes"]:.1f} min'),
        ('this call', f'{(time.monotonic() - start) / 60:.1f} min'),
        ('peak memory', f'{peak:.2f} GB'),
    ])
    print('\nWritten:')
    print(f'  {work_dir / "data"}/   what the network is trained on')
    for name in REPORT:
        if (work_dir / name).exists():
            print(f'  {work_dir / name}')
    print(f'  {work_dir / "predictions"}/   pictures and results of every held-out image')
    print(f'  {checkpoint}')
    return DONE


def _run(*words: str) -> float:
    """Run one subcommand in a process of its own; returns its peak memory in GB.

    Raises:
        UserError: it failed; it has said why.
    """
    from mmseg_plugins.utils.memory import PeakMemory

    print(f'\n$ mmseg-plugins {shlex.join(words)}', flush=True)
    process = subprocess.Popen([sys.executable, '-m', 'mmseg_plugins', *words])
    memory = PeakMemory(process.pid)
    memory.start()
    status = process.wait()
    peak = memory.stop()
    if status != 0:
        raise UserError(f'{words[0]} ended with status {status}; the cause stands above.')
    return peak


def _show_table(rows: Sequence[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows)
    print('\n' + '\n'.join(f'| {name:<{width}} | {value:>12} |' for name, value in rows))


def _value(metrics: dict, name: str) -> float:
    entry = metrics[name]
    return float(entry['value'] if isinstance(entry, dict) else entry)
