"""Training in stages: the check of what a stage loads, alone and through FCN's three configs."""


from types import SimpleNamespace

import pytest
import torch
from mmengine.runner.base_loop import BaseLoop
from torch import nn
from toy_runs import segmentor_config, write_toy_label_maps

from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine import SafeRunner
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.engine.hooks.load_from_check_hook import LoadFromCheckHook
from mmseg_plugins.utils.errors import UserError

COMMAND = 'python tools/train.py configs/before.py'


class Loop(BaseLoop):

    def __init__(self):
        pass

    def run(self):
        pass


def runner(load_from, **changes):
    model = nn.ModuleDict({'trunk': nn.Linear(2, 3), 'added': nn.Linear(3, 1)})
    state = dict(_train_loop=Loop(), _resume=False, _load_from=str(load_from) if load_from else None, model=model)
    return SimpleNamespace(**(state | changes))


@pytest.fixture
def before(tmp_path):
    """What a stage before would leave: the trunk, and a layer that is no longer there."""
    trunk = {'module.trunk.weight': torch.zeros(3, 2), 'module.trunk.bias': torch.zeros(3)}
    weights = trunk | {'old.weight': torch.ones(1)}
    torch.save(dict(state_dict=weights), tmp_path / 'before.pth')
    return tmp_path / 'before.pth'


def hook(new=(r'added\..*',), dropped=('old.weight',)):
    return LoadFromCheckHook(made_by=COMMAND, new=new, dropped=dropped)


def test_the_listed_differences_pass(before):
    hook().before_run(runner(before))


@pytest.mark.parametrize('path', [None, 'nowhere/iter_1.pth'])
def test_a_missing_file_names_the_command_to_run_first(path):
    with pytest.raises(UserError) as error:
        hook().before_run(runner(path))
    assert COMMAND in str(error.value)
    assert 'no such file' in str(error.value)
    assert '--cfg-options load_from=FILE' in str(error.value)


def test_every_other_difference_is_named(before):
    model = nn.ModuleDict({'trunk': nn.Linear(4, 3), 'added': nn.Linear(3, 1)})
    with pytest.raises(UserError) as error:
        hook(new=['added.weight'], dropped=[]).before_run(runner(before, model=model))
    text = str(error.value)
    assert 'added.bias is missing' in text
    assert 'old.weight is not in this model' in text
    assert 'trunk.weight has shape (3, 2), the model (3, 4)' in text
    assert 'added.weight' not in text
    assert COMMAND in text


@pytest.mark.parametrize('changes', [dict(_resume=True), dict(_train_loop={}), dict(_load_from='https://host/x.pth')])
def test_resuming_testing_and_addresses_are_left_alone(changes):
    hook().before_run(runner('nowhere.pth', **changes))


def stage(name, data, work_dir, **changes):
    """FCN's config on toy data with a narrow net; its own data, widths and length are replaced."""
    options = {'model.backbone.net.base_channels': 1, 'model.backbone.net.fc_channels': 8,
               'model.backbone.net.init_cfg': None, 'model.decode_head.num_classes': 3}
    cfg = load_config(f'configs/fcn/{name}_vgg16_100k_voc.py', options)
    cfg.model.decode_head.in_channels = {'fcn32s': [8, 3], 'fcn16s': [8, 8, 3], 'fcn8s': [4, 8, 8, 3]}[name]
    toy = segmentor_config(data, work_dir)
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader', 'train_cfg', 'work_dir', 'experiment_name'):
        cfg[key] = toy[key]
    cfg.train_dataloader.batch_size = 1
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.serialize_data = False
    cfg.default_hooks.checkpoint.interval = 2
    cfg.default_hooks.checkpoint.save_best = None
    cfg.update(data_check=False, run_report=False, progress=False, **changes)
    return cfg


def test_the_three_stages_of_fcn_hand_their_weights_on(tmp_path):
    data = write_toy_label_maps(tmp_path / 'data')
    results = {}
    load_from = {}
    for name in ('fcn32s', 'fcn16s', 'fcn8s'):
        SafeRunner.from_cfg(stage(name, data, tmp_path / name, **load_from)).train()
        load_from = {'load_from': str(tmp_path / name / 'iter_2.pth')}
        results[name] = load_checkpoint_file(load_from['load_from'])['state_dict']
    kept = 'decode_head.score_fr.weight'
    assert results['fcn32s'][kept].any()
    torch.testing.assert_close(results['fcn16s'][kept], results['fcn32s'][kept], rtol=0.01, atol=1e-7)
    torch.testing.assert_close(results['fcn8s'][kept], results['fcn16s'][kept], rtol=0.01, atol=1e-7)
    with pytest.raises(UserError, match=r'score_pool4\.weight is missing'):
        SafeRunner.from_cfg(
            stage('fcn8s', data, tmp_path / 'skipped', load_from=str(tmp_path / 'fcn32s/iter_2.pth'))).train()
