"""The table of the convolution-like operators: each line is measured, mmcv's columns where it has something."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch
from compiled_mmcv import COMPILED

from mmseg_plugins.benchmark import mmcv_operators
from mmseg_plugins.cli.main import main
from mmseg_plugins.ops import psa_mask


def small(name: str, python: tuple[str, ...]) -> mmcv_operators.Case:
    """A line of one small mask; mmcv's function is a slower one of ours."""
    return mmcv_operators.Case(name, (torch.randn(1, 9, 3, 4), ), lambda x: psa_mask(x, 'collect', 3),
                               lambda x: psa_mask(x, 'collect', (3, 3)), (), python)


def test_a_line_without_mmcvs_own_has_empty_columns() -> None:
    result = mmcv_operators.measure(small('psa', ()), 1, time.perf_counter)
    assert result.mmcv_train is None
    line = mmcv_operators.as_table([result]).splitlines()[2]
    assert line.count('| - ') == 4
    assert line.startswith('| psa | ')


def test_a_line_with_mmcvs_own_has_their_ratio() -> None:
    result = mmcv_operators.Result('psa', 0.001, 0.004, 0.002, 0.002)
    assert mmcv_operators.as_table([result]).endswith('| psa | 1 | 2 | 0.50 | 4 | 2 | 2.00 |')
    measured = mmcv_operators.measure(small('psa', ('cpu', )), 2, time.perf_counter)
    assert measured.mmcv_forward is not None
    assert measured.train > 0


def test_values_that_differ_are_not_timed() -> None:
    case = small('psa', ('cpu', ))._replace(mmcvs=lambda x: psa_mask(x, 'distribute', 3))
    with pytest.raises(AssertionError):
        mmcv_operators.measure(case, 1, time.perf_counter)


def test_compiled_operators_are_told_from_ours() -> None:
    assert (mmcv_operators.compiled_module() is not None) == COMPILED


def test_the_command_prints_one_line_per_case_and_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmcv_operators, 'make_cases', lambda device: [small(device, ())])
    file = tmp_path / 'times.json'
    assert main(['benchmark', 'mmcv-operators', '--rounds', '1', '--device', 'cpu', '--out-file', str(file)]) == 0
    assert '\n| cpu | ' in capsys.readouterr().out
    assert [one['name'] for one in json.loads(file.read_text())['results']] == ['cpu']


def test_options_that_make_no_sense_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for options in (['--rounds', '0'], ['--clock', 'cpu', '--device', 'cuda:0']):
        assert main(['benchmark', 'mmcv-operators', *options]) == 2
    assert 'processor time says nothing' in capsys.readouterr().err
