"""Several configs measured in rounds, each round a fresh process, and their medians as a table."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import mmseg_plugins
from mmseg_plugins.benchmark.models import Settings, measure_config
from mmseg_plugins.config.load import load_config
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


def measure_round(
    configs: Sequence[str], number: int, settings: Settings, threads: int | None, cfg_options: Mapping[str, Any] | None
) -> dict[str, dict[str, Any]]:
    """Measure every config once in this process, starting at another one each round."""
    if threads:
        torch.set_num_threads(threads)
    start = number % len(configs)
    turn = [*configs[start:], *configs[:start]]
    return {path: measure_config(load_config(path, cfg_options), settings) for path in turn}


def run_round(command_line: Sequence[str], number: int) -> dict[str, dict[str, Any]]:
    """Run one round in a fresh process.

    Args:
        command_line: Words of ``mmseg-plugins benchmark models``, the options of its user.
        number: Of the round, from 0.

    Raises:
        UserError: the process failed; its error output was shown as it came.
    """
    # A package that was found by the path alone, not installed, must be found by the child too.
    paths = [str(Path(mmseg_plugins.__file__).resolve().parents[1]), os.environ.get('PYTHONPATH', '')]
    environ = {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, paths))}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / 'round.json'
        command = [sys.executable, '-m', 'mmseg_plugins', *command_line]
        command += ['--worker', str(number), '--out-file', str(out)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, env=environ, check=False)
        if done.returncode != 0:
            raise UserError(f'round {number + 1} failed with exit status {done.returncode}; the cause stands above.')
        return json.loads(out.read_text(encoding='utf-8'))


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
    """A table with one row per config, ratios to the first in brackets."""
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
