"""Models without parameters are tested and predict without a checkpoint; every other one needs it."""

import json

import pytest
import torch
import toy_runs

from mmseg_plugins.apis import Predictor
from mmseg_plugins.cli.main import main
from mmseg_plugins.utils.errors import UserError


@pytest.fixture
def config(tmp_path):
    """A config of ``ThresholdWatershed`` on toy data, without a schedule."""
    cfg = toy_runs.detector_config(toy_runs.write_toy_coco(tmp_path / 'data', images=2), tmp_path / 'run')
    cfg.model = dict(type='mmseg_plugins.ThresholdWatershed', data_preprocessor=dict(type='DetDataPreprocessor'))
    cfg.test_evaluator.type = 'mmseg_plugins.FastCocoMetric'
    cfg.train_cfg = cfg.optim_wrapper = None
    cfg.runner_type = 'mmseg_plugins.SafeRunner'
    cfg.run_report = True
    cfg.dump(str(tmp_path / 'config.py'))
    return str(tmp_path / 'config.py')


def test_test_and_predict_take_no_checkpoint(config, tmp_path):
    assert main(['test', '--work-dir', str(tmp_path / 'run'), config]) == 0
    tested = json.loads((tmp_path / 'run' / 'test_summary.json').read_text())
    assert tested['checkpoint'] is None
    assert tested['parameters']['total'] == 0
    assert tested['metrics']['coco/segm_mAP'] == 0.25  # both discs are right, after a bar each; bars have another class
    out = tmp_path / 'out'
    assert main(['predict', config, '--out-dir', str(out), str(tmp_path / 'data' / 'images')]) == 0
    assert len(json.loads((out / 'predictions.json').read_text())) >= 4
    assert len(Predictor(config)(tmp_path / 'data' / 'images' / 'toy 0.png').pred_instances) >= 2


def test_training_is_refused(config, tmp_path, capsys):
    assert main(['train', config, '--work-dir', str(tmp_path / 'run')]) == 2
    error = capsys.readouterr().err
    assert 'ThresholdWatershed has no parameters: there is nothing to train.' in error
    assert 'mmseg-plugins test CONFIG' in error


def test_a_checkpoint_must_be_there_exactly_where_it_fills_something(config, tmp_path, capsys):
    cfg = toy_runs.detector_config(tmp_path / 'data', tmp_path / 'run')
    cfg.dump(str(tmp_path / 'network.py'))
    assert main(['test', str(tmp_path / 'network.py'), '--work-dir', str(tmp_path / 'run')]) == 2
    error = capsys.readouterr().err
    assert 'parameters, and no checkpoint is named: they would be random. Fix: give the .pth file' in error
    with pytest.raises(UserError, match=r'MaskRCNN has [\d,]+ parameters, and no checkpoint is named'):
        Predictor(str(tmp_path / 'network.py'))
    torch.save(dict(state_dict={}), tmp_path / 'empty.pth')
    with pytest.raises(UserError, match=r'has no parameters, so that .*empty\.pth fills nothing'):
        Predictor(config, tmp_path / 'empty.pth')


def test_the_checkpoint_may_stand_after_the_options(tmp_path, capsys):
    assert main(['test', 'no-such-config', '--work-dir', str(tmp_path), 'model.pth']) == 2
    assert 'unknown argument' not in capsys.readouterr().err
