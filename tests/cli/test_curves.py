"""``mmseg-plugins curves``: several runs in one picture, and its errors."""

from pathlib import Path

import cv2
import pytest

from mmseg_plugins.cli.main import main
from mmseg_plugins.reporting.run_curves import read_run, series_of, shared_metrics
from mmseg_plugins.reporting.scalars import ScalarTable

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def runs(tmp_path):
    """Two runs of 200 and 100 iterations, the second with another metric too."""
    for name, iterations, more in (('a', 200, {}), ('b', 100, {'PQ': 3.0})):
        (tmp_path / name).mkdir()
        table = ScalarTable(tmp_path / name / 'scalars.csv')
        for iteration in range(1, iterations + 1):
            table.add(iteration, 0.0, 'train', {'loss': 1 / iteration, 'lr': 0.1})
            if iteration % 50 == 0:
                table.add(iteration, 0.0, 'val', {'mIoU': iteration / 4, 'aAcc': -1.0, 'data_time': 0.1, **more})
    return [tmp_path / 'a', tmp_path / 'b']


def test_loss_and_the_shared_metric_are_drawn_by_themselves(runs, tmp_path, capsys):
    out = tmp_path / 'curves.png'
    assert main(['curves', *map(str, runs), '--out-file', str(out)]) == 0
    assert capsys.readouterr().out.startswith('2 runs, loss, mIoU: ')
    one = cv2.imread(str(out))
    assert main(['curves', *map(str, runs), '--out-file', str(out), '--train', 'loss', 'lr', '--val', 'mIoU', 'PQ',
                 '--linear', '--titles', 'A', 'B', '--heading', 'two runs']) == 0
    assert cv2.imread(str(out)).shape[1] > one.shape[1]


def test_series_hold_the_runs_values_and_leave_out_what_was_not_measured(runs):
    rows = read_run(runs[0])
    assert series_of(rows, 'mIoU', 'val') == ([50.0, 100.0, 150.0, 200.0], [12.5, 25.0, 37.5, 50.0])
    assert series_of(rows, 'PQ', 'val') == ([], [])
    assert all(y != y for y in series_of(rows, 'aAcc', 'val')[1])
    assert shared_metrics([rows, read_run(runs[1])]) == ['mIoU', 'aAcc']


def test_errors_name_what_is_wrong(runs, tmp_path, capsys):
    out = ['--out-file', str(tmp_path / 'x.png')]
    assert main(['curves', str(tmp_path), *out]) == 2
    assert 'holds no scalars.csv. Fix' in capsys.readouterr().err
    assert main(['curves', *map(str, runs), *out, '--val', 'mAP']) == 2
    assert "no run has 'mAP' in its val rows; there is PQ, aAcc, data_time, mIoU" in capsys.readouterr().err
    assert main(['curves', *map(str, runs), *out, '--titles', 'same', 'same']) == 2
    assert 'as many different titles' in capsys.readouterr().err
    assert not (tmp_path / 'x.png').exists()
