"""A test leaves nothing for the next: the second of each pair fails where the first one's state is still there."""

import io
import sys

import pytest
from mmengine.logging import MessageHub, MMLogger
from mmengine.visualization import Visualizer


@pytest.mark.parametrize('turn', ['first', 'second'])
def test_runs_of_one_name_do_not_share_a_logger(turn, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, 'stdout', stream)
    MMLogger.get_instance('a run of the same second').warning('heard by %s', turn)
    assert turn in stream.getvalue()
    stream.close()


@pytest.mark.parametrize('turn', ['first', 'second'])
def test_runs_of_one_name_do_not_share_a_hub_or_pictures(turn):
    for manager in (MessageHub, Visualizer):
        assert not manager.check_instance_created('a run of the same second')
        manager.get_instance('a run of the same second')
