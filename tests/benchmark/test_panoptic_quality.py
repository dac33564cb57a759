"""``benchmark panoptic-quality``: both ways count the same, and the table has a row for each pair of maps."""

import json

import numpy as np
import pytest

from mmseg_plugins.benchmark import panoptic_quality
from mmseg_plugins.benchmark.panoptic_quality import Case, maps_of, sorted_overlaps
from mmseg_plugins.cli.main import main


@pytest.mark.parametrize('segments', [3, None])
def test_made_up_maps_have_as_many_segments_as_they_say(segments):
    truth, predicted = maps_of(Case(30, 40, segments))
    assert truth.shape == predicted.shape == (30, 40)
    assert len(np.unique(truth)) == (segments or 12)
    assert len(np.unique(predicted)) == (segments or 50)


def test_sorted_pixels_of_a_worked_example():
    found = sorted_overlaps(np.array([[7, 7, 9]]), np.array([[0, 2, 2]]))
    assert found == ({(7, 0): 1, (7, 2): 1, (9, 2): 1}, {7: 2, 9: 1}, {0: 1, 2: 2})


def test_it_prints_a_table_and_writes_a_file(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(panoptic_quality, 'CASES', (Case(30, 40, 3), Case(30, 40, None)))
    assert main(['benchmark', 'panoptic-quality', '--rounds', '1', '--out-file', str(tmp_path / 'pq.json')]) == 0
    shown = capsys.readouterr().out
    assert '| 30 x 40, 3 segments | ' in shown
    assert '| 30 x 40, prediction is noise | ' in shown
    assert [case['segments'] for case in json.loads((tmp_path / 'pq.json').read_text())['cases']] == [3, None]


def test_ways_that_differ_are_an_error(monkeypatch):
    monkeypatch.setattr(panoptic_quality, 'sorted_overlaps', lambda truth, predicted: ({}, {}, {}))
    with pytest.raises(RuntimeError, match='count differently'):
        panoptic_quality.measure_panoptic_quality(Case(6, 8, 2), 1, lambda: 0.0)
