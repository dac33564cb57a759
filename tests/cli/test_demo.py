"""The demo runs subcommands that parse, draws before it trains, and ends with a table of the run's scores."""

import json

import pytest

from mmseg_plugins.cli import demo
from mmseg_plugins.cli.frame import find, parser_of
from mmseg_plugins.cli.main import COMMANDS, main


@pytest.fixture
def steps(monkeypatch, tmp_path):
    """The words of each step; the training leaves what a real one leaves."""
    done = []

    def run(*words):
        command, path, rest = find(COMMANDS, list(words))
        parser_of(command, ' '.join(path))[0].parse_args(rest)
        done.append(words)
        if words[0] == 'train':
            work_dir = tmp_path / 'run'
            work_dir.mkdir(exist_ok=True)
            best = {'coco/segm_mAP': {'value': 0.625, 'iter': 3}, 'coco/bbox_mAP': 0.5}
            (work_dir / 'summary.json').write_text(json.dumps(
                dict(checkpoints=dict(best='best.pth'), metrics=dict(best=best), minutes=1.5)))
        return 2.0

    monkeypatch.setattr(demo, '_run', run)
    return done


def test_every_step_is_a_subcommand_and_a_picture_comes_before_the_training(steps, tmp_path, capsys):
    assert main(['demo', '--work-dir', str(tmp_path / 'run')]) == 0
    assert [words[0] for words in steps] == ['convert-data', 'browse', 'train', 'predict']
    assert str(tmp_path / 'run/best.pth') in steps[-1]
    printed = capsys.readouterr().out
    assert '0.625' in printed
    assert '2.00 GB' in printed


def test_fresh_takes_the_last_run_away(steps, tmp_path):
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run/old.pth').touch()
    assert main(['demo', '--fresh', '--work-dir', str(tmp_path / 'run')]) == 0
    assert not (tmp_path / 'run/old.pth').exists()
