"""Systems timed over both modules: same losses, one line each, refused where nothing is compiled."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiled_mmcv import COMPILED
from toy_runs import detector_config, write_toy_coco

from mmseg_plugins.benchmark import mmcv_operators, mmcv_systems
from mmseg_plugins.cli.main import main
from mmseg_plugins.config.paths import iter_configs
from mmseg_plugins.ops import mmcv_ext


def test_a_system_is_timed_both_ways_on_the_same_numbers(tmp_path: Path) -> None:
    """The clock counts its calls: four of them a round and module, so that every ratio is 1."""
    path = tmp_path / 'toy.py'
    detector_config(write_toy_coco(tmp_path), tmp_path / 'run').dump(str(path))
    ticks = iter(range(1000))
    result = mmcv_systems.measure(path, mmcv_ext, 1, 1, lambda: float(next(ticks)))
    assert result == ('toy', 1.0, 1.0, 1.0, 1.0, 0.0)
    assert mmcv_systems.as_table([result]).endswith('| toy | 1000 | 1.00 | 1000 | 1.00 | 0.0e+00 apart |')


def test_the_six_systems_are_there() -> None:
    assert len(mmcv_systems.SYSTEMS) == 6
    assert set(mmcv_systems.SYSTEMS) <= {path.stem for path in iter_configs()}


def test_without_compiled_mmcv_there_is_nothing_to_compare(capsys: pytest.CaptureFixture[str],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    if COMPILED:
        monkeypatch.setattr(mmcv_operators, 'compiled_module', lambda: None)
    assert main(['benchmark', 'mmcv-systems']) == 2
    assert 'Fix: OPS=compiled make setup' in capsys.readouterr().err
