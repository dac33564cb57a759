"""Command-line options change the config as mmdetection's users expect."""


import argparse
from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_plugins.cli.frame import Command, parser_of
from mmseg_plugins.cli.main import main
from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine.runner import options
from mmseg_plugins.engine.runner.dry_run import shorten
from mmseg_plugins.engine.runner.options import configure_training, show_predictions
from mmseg_plugins.utils.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / 'configs/quickstart/panet_r18-path_1500it_shapes.py'


def parse(command, *words):
    parser, _ = parser_of(Command(command, '', command), command)
    return parser.parse_args(words)


def trained_config(*words):
    return configure_training(load_config(QUICKSTART), parse('train', str(QUICKSTART), *words))


def test_resuming_from_the_working_folder_is_the_default():
    assert trained_config().resume == 'auto'
    assert trained_config('--resume').resume == 'auto'


def test_named_checkpoint_is_resumed():
    cfg = trained_config('--resume', 'some.pth')
    assert (cfg.resume, cfg.load_from) == (True, 'some.pth')


def test_restart_resumes_nothing_and_contradicts_resume(capsys):
    assert trained_config('--restart').resume is False
    assert main(['train', 'config.py', '--restart', '--resume']) == 2
    assert 'contradict' in capsys.readouterr().err


def test_amp_on_a_cpu_is_bfloat16():
    assert trained_config('--amp').optim_wrapper.type == 'mmseg_plugins.AutocastOptimWrapper'


def test_amp_on_an_accelerator_scales_the_loss(monkeypatch):
    monkeypatch.setattr(options, 'get_device', lambda: 'cuda')
    cfg = trained_config('--amp')
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.loss_scale) == ('AmpOptimWrapper', 'dynamic')


def test_amp_does_not_replace_several_optimizers():
    cfg = load_config(QUICKSTART)
    cfg.optim_wrapper = dict(constructor='my.Constructor', generator=dict(optimizer=dict(type='SGD', lr=0.1)))
    with pytest.raises(UserError, match=r'--amp .* several optimizers'):
        configure_training(cfg, parse('train', str(QUICKSTART), '--amp'))


def test_auto_scale_lr_is_switched_on_where_the_config_names_its_batch_size():
    path = ROOT / 'configs/panet/panet_r50-path_2x_coco.py'
    cfg = configure_training(load_config(path), parse('train', str(path), '--auto-scale-lr'))
    assert cfg.auto_scale_lr.enable is True
    with pytest.raises(UserError, match='base_batch_size'):
        trained_config('--auto-scale-lr')


def test_results_are_dumped_to_pickle_files_only(capsys):
    assert main(['test', 'config.py', 'some.pth', '--out', 'results.json']) == 2
    assert 'results.json must end in .pkl' in capsys.readouterr().err


def test_show_dir_makes_the_hook_draw():
    cfg = load_config(QUICKSTART)
    show_predictions(cfg, argparse.Namespace(show=False, show_dir='shown', wait_time=2))
    assert cfg.default_hooks.visualization.draw is True
    assert cfg.default_hooks.visualization.test_out_dir == 'shown'
    mmseg = Config(dict(default_scope='mmseg', work_dir='runs/a', visualizer=dict(type='SegLocalVisualizer'),
                        default_hooks=dict(visualization=dict(type='SegVisualizationHook'))))  # fmt: skip
    show_predictions(mmseg, argparse.Namespace(show=False, show_dir='shown', wait_time=2))
    assert mmseg.visualizer.save_dir == 'runs/a/shown'
    assert mmseg.default_hooks.visualization.interval == 1, 'mmseg draws every 50th image by itself'
    with pytest.raises(UserError, match='visualization'):
        show_predictions(Config({}), argparse.Namespace(show=True, show_dir=None, wait_time=2))


def test_dry_run_keeps_the_model_and_shortens_the_run():
    cfg = load_config(QUICKSTART)
    short = shorten(load_config(QUICKSTART))
    assert short.model == cfg.model
    assert short.optim_wrapper == cfg.optim_wrapper
    assert short.train_cfg == {'type': 'IterBasedTrainLoop', 'max_iters': 1, 'val_interval': 1}
    assert short.val_dataloader.dataset.indices == cfg.val_dataloader.batch_size
    assert 'save_best' not in short.default_hooks.checkpoint
