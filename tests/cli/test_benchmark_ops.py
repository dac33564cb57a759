"""benchmark_ops: it measures every operator, checks it against its loop, and fails with a message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from mmseg_plugins import ops
from mmseg_plugins.benchmark import operators as measure_ops
from mmseg_plugins.benchmark.operators import format_table, make_cases, measure_case, random_rois
from mmseg_plugins.cli.main import main

# Stand-ins for mmcv's operators, which benchmark/mmcv_operators.py times next to the compiled ones.
OF_MMCV = {
    'carafe', 'deform_conv2d', 'deform_roi_pool', 'masked_col2im', 'masked_im2col', 'modulated_deform_conv2d',
    'ms_deform_attn', 'nms', 'nms_match', 'psa_mask', 'roi_align_max', 'sigmoid_focal_loss', 'soft_nms',
    'softmax_focal_loss'
}


def test_every_function_of_ops_is_measured() -> None:
    measured = {case.name.split(',')[0] for case in make_cases()}
    parts = {'crop_channel', 'direction_channels', 'grid_axis', 'sample_channels'}  # of direction_pool
    parts.add('permutohedral_filter')  # mmseg-plugins benchmark crf
    assert measured >= {name for name in ops.__all__ if name.islower()} - parts - OF_MMCV


@pytest.mark.parametrize('clock', ['wall', 'cpu'])
def test_table_and_file(clock: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'deep' / 'ops.json'
    size = ['--rois', '6', '--classes', '2', '--channels', '3', '--rounds', '1']
    assert main(['benchmark', 'operators', *size, '--threads', '1', '--clock', clock, '--out-file', str(out)]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith('| ')]
    assert len(rows) == 1 + len(make_cases())
    results = json.loads(out.read_text())['results']
    assert [one['name'] for one in results] == [case.name for case in make_cases()]
    assert all(one['pass_s'] > 0 and one['forward_s'] > 0 for one in results)
    assert [one['train_s'] is None for one in results].count(True) == 1


def test_table_shows_ratios() -> None:
    one = dict(name='op', size=[2, 3, 4], pass_s=0.002, forward_s=0.006, train_s=0.01, loop_s=0.06, peak_mb=1.4)
    row = format_table([one, dict(one, loop_s=None, train_s=None)]).splitlines()[2:]
    assert [cell.strip() for cell in row[0].split('|')[1:-1]] == [
        'op', '2 x 3 x 4', '2', '6 (3)', '10 (5)', '60 (10)', '1']
    assert [cell.strip() for cell in row[1].split('|')[5:7]] == ['-', '-']


def test_an_operator_that_disagrees_with_its_loop_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_cases(classes=1, channels=2)[2]
    wrong = case._replace(operator=lambda feats, rois: case.operator(feats, rois) + 0.1)
    monkeypatch.setattr(measure_ops, '_peak_mb', None)  # not reached
    with pytest.raises(AssertionError, match='not close'):
        measure_case(wrong, count=4, rounds=1)


def test_rois_lie_on_the_map() -> None:
    rois = random_rois(200, 592, 992)
    assert rois[:, 1:].min() >= 0
    assert rois[:, [1, 3]].max() <= 992
    assert rois[:, [2, 4]].max() <= 592
    assert torch.equal(rois, random_rois(200, 592, 992))


def test_wrong_arguments_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    for argv, message in ((['--rounds', '0'], '--rounds 0: at least 1'),
                          (['--clock', 'cpu', '--device', 'cuda:0'], '--clock cpu --device cuda:0')):
        assert main(['benchmark', 'operators', *argv]) == 2
        assert message in capsys.readouterr().err
