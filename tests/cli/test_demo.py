"""The demo runs subcommands that parse, draws before it trains, and ends with a table of the run's scores."""

import json
import re
import shlex

import pytest

from mmseg_plugins.cli import demo
from mmseg_plugins.cli.frame import find, parser_of
from mmseg_plugins.cli.main import COMMANDS, main
from mmseg_plugins.config.paths import iter_configs
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights import package_pretrained


@pytest.fixture
def steps(monkeypatch, tmp_path):
    """The words of each step; the training leaves what a real one leaves."""
    done = []

    def run(*words):
        command, path, rest = find(COMMANDS, list(words))
        parser_of(command, ' '.join(path))[0].parse_args(rest)
        done.append(words)
        if words[0] == 'test':
            (tmp_path / 'run/baseline').mkdir(parents=True, exist_ok=True)
            (tmp_path / 'run/baseline/test_summary.json').write_text(json.dumps(dict(metrics={'coco/segm_mAP': 0.172})))
        if words[0] == 'train':
            work_dir = tmp_path / 'run'
            work_dir.mkdir(exist_ok=True)
            best = {'coco/segm_mAP': {'value': 0.625, 'iter': 3}, 'coco/bbox_mAP': 0.5}
            (work_dir / 'summary.json').write_text(json.dumps(
                dict(checkpoints=dict(best='best.pth'), metrics=dict(best=best), minutes=1.5)))
        return 2.0

    monkeypatch.setattr(demo, '_run', run)
    monkeypatch.setattr(demo.importlib.util, 'find_spec', lambda name: name)
    monkeypatch.setattr(package_pretrained, 'carried_file', lambda package: tmp_path / f'{package}.pth')
    return done


def without_weights(package):
    raise UserError(f'{package} is not installed')


def test_every_step_is_a_subcommand_and_a_picture_comes_before_the_training(steps, tmp_path, capsys):
    assert main(['demo', '--work-dir', str(tmp_path / 'run')]) == 0
    assert [words[0] for words in steps] == ['convert-data', 'browse', 'test', 'train', 'predict']
    assert str(tmp_path / 'run/best.pth') in steps[-1]
    printed = capsys.readouterr().out
    assert '0.625' in printed
    assert '0.172' in printed
    assert '2.00 GB' in printed


def test_fresh_takes_the_last_run_away(steps, tmp_path):
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run/old.pth').touch()
    assert main(['demo', '--fresh', '--work-dir', str(tmp_path / 'run')]) == 0
    assert not (tmp_path / 'run/old.pth').exists()


def test_both_configs_are_there_and_the_pretrained_one_is_trained(steps, tmp_path, capsys):
    assert {demo.CONFIG, demo.FROM_SCRATCH, demo.BASELINE} <= {path.stem for path in iter_configs()}
    assert demo.PACKAGE in package_pretrained.PACKAGES
    main(['demo', '--work-dir', str(tmp_path / 'run')])
    assert {words[1] for words in steps[1:]} == {demo.CONFIG, demo.BASELINE}
    assert demo.FROM_SCRATCH not in capsys.readouterr().out


def test_without_the_weights_it_says_so_once_and_trains_from_scratch(steps, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(package_pretrained, 'carried_file', without_weights)
    assert main(['demo', '--work-dir', str(tmp_path / 'run')]) == 0
    assert {words[1] for words in steps[1:]} == {demo.FROM_SCRATCH, demo.BASELINE}
    said = [line for line in capsys.readouterr().out.splitlines() if demo.PACKAGE in line]
    assert len(said) == 1
    assert said[0].endswith(f'Fix: pip install {demo.PACKAGE}')


def test_without_scikit_image_the_baseline_is_left_out(steps, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo.importlib.util, 'find_spec', lambda name: None)
    assert main(['demo', '--work-dir', str(tmp_path / 'run')]) == 0
    assert 'test' not in {words[0] for words in steps}
    assert re.search(r'without training.*\| +- \|', capsys.readouterr().out)


def test_a_folder_with_the_training_of_the_other_config_is_refused_unless_fresh(steps, tmp_path, capsys):
    (tmp_path / 'run').mkdir()
    (tmp_path / f'run/{demo.FROM_SCRATCH}.py').touch()
    assert main(['demo', '--work-dir', str(tmp_path / 'run')]) == 2
    assert f'holds a training of {demo.FROM_SCRATCH}' in capsys.readouterr().err
    assert not steps
    assert main(['demo', '--fresh', '--work-dir', str(tmp_path / 'run')]) == 0


def test_what_to_do_next_are_commands_that_parse(steps, tmp_path, capsys):
    main(['demo', '--work-dir', str(tmp_path / 'run')])
    printed = capsys.readouterr().out
    following = printed[printed.index('What to do next'):]
    commands = re.findall(r'mmseg-plugins (.+)', following)
    assert len(commands) == 5
    for words in map(shlex.split, commands):
        command, path, rest = find(COMMANDS, words)
        parser_of(command, ' '.join(path))[0].parse_args(rest)
