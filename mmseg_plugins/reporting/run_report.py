"""What a run leaves in its folder besides checkpoints: the pure part of ``RunReportHook``."""

from __future__ import annotations

import json
import math
import os
import statistics
from pathlib import Path
from typing import Any

from mmseg_plugins.reporting.scalars import KEYS, ScalarTable, best_value
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.visualization.charts import Series, draw_curves

#: Names of everything that a report writes, and what each holds.
FILES = {
    'config': 'config.py',
    'scalars': 'scalars.csv',
    'curves_loss': 'curves_loss.png',
    'curves_metric': 'curves_metric.png',
    'curves_lr': 'curves_lr.png',
    'class_histogram': 'class_histogram.png',
    'class_counts': 'class_histogram.csv',
    'samples_train': 'samples_train.png',
    'samples_val': 'samples_val.png',
    'summary': 'summary.json',
    'test_summary': 'test_summary.json',
}
_NOT_METRICS = ('time', 'data_time', 'memory_mb', 'lr')


def draw_run_curves(table: ScalarTable, folder: str | os.PathLike[str], title: str) -> None:
    """Write ``curves_loss.png``, ``curves_metric.png`` and ``curves_lr.png``."""
    folder = Path(folder)
    losses: dict[str, Series] = {n: table.series(n, 'train') for n in table.names('train') if 'loss' in n}
    losses.update({f'val {n}': table.series(n, 'val') for n in table.names('val') if 'loss' in n})
    draw_curves(losses, folder / FILES['curves_loss'], f'{title}: losses', 'loss', log_y=True, bold=('loss',))
    draw_curves(_metrics(table), folder / FILES['curves_metric'], f'{title}: validation', 'metric')
    rates = {n: table.series(n, 'train') for n in table.names('train') if n == 'lr' or n.endswith('.lr')}
    draw_curves(rates, folder / FILES['curves_lr'], f'{title}: learning rate', 'learning rate')


def _metrics(table: ScalarTable) -> dict[str, Series]:
    """Validation metrics, with COCO's -1 ('no such object') as a gap."""
    series: dict[str, Series] = {}
    for name in table.names('val'):
        if 'loss' not in name and name not in _NOT_METRICS:
            x, y = table.series(name, 'val')
            series[name] = x, [math.nan if value == -1 else value for value in y]
    return series


def final_and_best(table: ScalarTable) -> dict[str, Any]:
    """Values of the last validation, and for each metric its best value with its iteration."""
    validations = [row for row in table.rows if row['phase'] == 'val']
    final = {name: value for name, value in validations[-1].items() if name not in KEYS} if validations else {}
    best: dict[str, Any] = {}
    for name in table.names('val'):
        iterations, values = table.series(name, 'val')
        index = best_value(name, values)
        if index is not None:
            best[name] = {'value': values[index], 'iter': int(iterations[index])}
    return {'final': final, 'final_iter': validations[-1]['iter'] if validations else None, 'best': best}


def last_losses(table: ScalarTable) -> dict[str, float]:
    """Losses of the last training row."""
    for row in reversed(table.rows):
        if row['phase'] == 'train':
            return {name: float(value) for name, value in row.items() if 'loss' in name}
    return {}


def median_seconds(table: ScalarTable) -> float | None:
    """Median of the seconds an iteration (each row is a mean over its iterations), data loading included."""
    _, times = table.series('time', 'train')
    return round(statistics.median(times), 4) if times else None


def read_summary(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The summary an earlier process left, or nothing where there is none that can be read."""
    path = Path(folder) / FILES['summary']
    try:
        summary = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}


def write_summary(folder: str | os.PathLike[str], summary: dict[str, Any], kind: str = 'summary') -> None:
    """Write ``summary.json`` (or ``test_summary``) whole or not at all; NaN becomes null, which JSON has."""
    path = Path(folder) / FILES[kind]
    text = json.dumps(_plain(summary), indent=2, ensure_ascii=False) + '\n'
    atomic_write_bytes(str(path), text.encode(), durable=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)


def checkpoint_paths(folder: str | os.PathLike[str], best: str | None) -> dict[str, str | None]:
    """Best and last checkpoint relative to the folder; None for what does not exist."""
    folder = Path(folder)
    pointer = folder / 'last_checkpoint'
    last = pointer.read_text(encoding='utf-8').strip() if pointer.is_file() else ''
    return {'best': _existing(folder, best), 'last': _existing(folder, last)}


def _existing(folder: Path, name: str | None) -> str | None:
    if not name:
        return None
    for path in (Path(name), folder / Path(name).name):
        if path.exists():
            return os.path.relpath(path, folder)
    return None


def written_paths(folder: str | os.PathLike[str]) -> dict[str, str]:
    """Of :data:`FILES`, those that exist; the summary counts as written."""
    return {key: name for key, name in FILES.items() if key == 'summary' or (Path(folder) / name).is_file()}
