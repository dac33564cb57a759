"""From nothing to pictures: generate data, train, evaluate, draw, and print one table.

    python tools/demo.py [--fresh] [--work-dir work_dirs/demo]        (make demo calls it)

Every step is one of the project's tools, run as a user would run it.  A second
call re-uses what is there: finished data, and a training that continues where
it stood.  ``--fresh`` trains anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
REPORT = (
    'summary.json', 'scalars.csv', 'curves_loss.png', 'curves_metric.png', 'samples_train.png', 'samples_val.png'
)  # fmt: skip
CONFIG = 'configs/quickstart/panet_r18-path_1500it_shapes.py'


class PeakMemory(threading.Thread):
    """Largest memory of a process and all its children, in GB, sampled twice a second.

    Linux only: proportional set size, in which pages shared by N processes
    count once.  Elsewhere the value stays 0.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.gigabytes = pid, 0.0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.5):
            self.gigabytes = max(self.gigabytes, self._tree(self.pid) / 2**20)

    def stop(self) -> float:
        self._ended.set()
        self.join()
        return self.gigabytes

    def _tree(self, pid: int) -> int:
        """Kilobytes of the process and its descendants; those that just ended count nothing."""
        folder = Path('/proc') / str(pid)
        try:
            lines = (folder / 'smaps_rollup').read_text().splitlines()
            tasks = list((folder / 'task').iterdir())
            children = [child for task in tasks for child in (task / 'children').read_text().split()]
        except OSError:
            return 0
        own = sum(int(line.split()[1]) for line in lines if line.startswith('Pss:'))
        return own + sum(self._tree(int(child)) for child in children)


def run_tool(*words: str) -> float:
    """Run one tool in the project's folder; return its peak memory in GB.

    Raises:
        SystemExit: the tool failed; it has said why.
    """
    print('\n$ python ' + ' '.join(words), flush=True)
    process = subprocess.Popen([sys.executable, *words], cwd=PROJECT)
    memory = PeakMemory(process.pid)
    memory.start()
    status = process.wait()
    peak = memory.stop()
    if status != 0:
        raise SystemExit(f'demo: {words[0]} ended with status {status}')
    return peak


def show_table(rows: Sequence[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows)
    print('\n' + '\n'.join(f'| {name:<{width}} | {value:>12} |' for name, value in rows))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--fresh', action='store_true', help='train anew although a training is there')
    parser.add_argument('--work-dir', default='work_dirs/demo', help='folder for everything but the data')
    args = parser.parse_args(argv)
    start = time.monotonic()
    work_dir = PROJECT / args.work_dir
    if args.fresh and work_dir.is_dir():
        shutil.rmtree(work_dir)

    run_tool('tools/dataset_converters/shapes.py', '--out', 'data/shapes')
    train_peak = run_tool('tools/train.py', CONFIG, '--work-dir', args.work_dir)
    summary = json.loads((work_dir / 'summary.json').read_text())
    best = Path(summary['checkpoints']['best'])
    checkpoint = str(best if best.is_absolute() else Path(args.work_dir) / best)
    test_peak = run_tool('tools/test.py', CONFIG, checkpoint, '--work-dir', f'{args.work_dir}/test')
    run_tool('tools/infer.py', CONFIG, checkpoint, 'data/shapes/val', '--out', f'{args.work_dir}/predictions')

    metrics = summary['metrics']['best']
    show_table([
        ('mask AP (held-out images)', f'{_value(metrics, "coco/segm_mAP"):.3f}'),
        ('box AP (held-out images)', f'{_value(metrics, "coco/bbox_mAP"):.3f}'),
        ('training', f'{summary["minutes"]:.1f} min'),
        ('this call', f'{(time.monotonic() - start) / 60:.1f} min'),
        ('peak memory', f'{max(train_peak, test_peak):.2f} GB'),
    ])
    print('\nWritten:')
    for name in REPORT:
        if (work_dir / name).exists():
            print(f'  {args.work_dir}/{name}')
    print(f'  {args.work_dir}/predictions/   pictures and results of every held-out image')
    print(f'  {checkpoint}')
    return 0


def _value(metrics: dict, name: str) -> float:
    entry = metrics[name]
    return float(entry['value'] if isinstance(entry, dict) else entry)


if __name__ == '__main__':
    sys.exit(main())
