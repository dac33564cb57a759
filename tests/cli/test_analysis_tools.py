"""``browse``, ``benchmark models`` and ``print-config``: what they write and how they fail."""

import json

import cv2
import numpy as np
import pytest
import torch
import toy_runs
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from torch import nn

from mmseg_plugins.benchmark import models as measure
from mmseg_plugins.benchmark.models import Settings, count_macs, measure_config
from mmseg_plugins.benchmark.rounds import combine, format_table
from mmseg_plugins.benchmark.synthetic import input_size, number_of_classes, synthetic_batch
from mmseg_plugins.cli.main import main
from mmseg_plugins.models.crf import ConvCRFPostProcess


@pytest.fixture(scope='module')
def configs(tmp_path_factory):
    """Paths of a detector's and a segmentor's config with their toy data present."""
    folder = tmp_path_factory.mktemp('toy')
    detector = toy_runs.detector_config(toy_runs.write_toy_coco(folder / 'coco'), folder / 'run')
    segmentor = toy_runs.segmentor_config(toy_runs.write_toy_label_maps(folder / 'maps'), folder / 'run')
    detector.dump(str(folder / 'detector.py'))
    segmentor.dump(str(folder / 'segmentor.py'))
    return str(folder / 'detector.py'), str(folder / 'segmentor.py')


@pytest.mark.parametrize('stage', ['pipeline', 'original'])
@pytest.mark.parametrize('split', ['train', 'val'])
@pytest.mark.parametrize('host', [0, 1])
def test_browse_draws_the_truth_where_the_objects_are(configs, tmp_path, host, split, stage):
    argv = [configs[host], '--out-dir', str(tmp_path), '--split', split, '--stage', stage, '--num', '2']
    # no flip, so that the picture can be compared with the toy image
    if split == 'train':
        argv += ['--cfg-options', 'train_dataloader.dataset.pipeline.2.prob=0.0']
    assert main(['browse', *argv]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ['000000.jpg', '000003.jpg', 'sheet.png']
    picture = cv2.imread(str(tmp_path / '000000.jpg'))
    assert picture.shape == (512, 512, 3)
    image, masks = toy_runs.toy_image(0)
    plain = cv2.resize(image, (512, 512), interpolation=cv2.INTER_CUBIC).astype(int)
    changed = np.abs(picture - plain).sum(axis=2)
    for mask in masks:
        big = mask.repeat(8, 0).repeat(8, 1)
        assert changed[big].mean() > 40
    if host == 0:
        assert changed[-60:].mean() < 25  # nothing is there but noise


def test_browse_names_images_that_cannot_be_drawn(configs, tmp_path, capsys):
    data = toy_runs.write_toy_coco(tmp_path / 'data')
    (data / 'images' / 'toy 3.png').write_bytes(b'broken')
    cfg = Config.fromfile(configs[0])
    cfg.train_dataloader.dataset.data_root = str(data)
    cfg.dump(str(tmp_path / 'c.py'))
    argv = [str(tmp_path / 'c.py'), '--out-dir', str(tmp_path / 'out'), '--num', '2', '--stage', 'original']
    assert main(['browse', *argv]) == 1
    assert 'toy 3.png cannot be read' in capsys.readouterr().err
    assert (tmp_path / 'out' / 'sheet.png').is_file()


@pytest.mark.parametrize('words', [['browse'], ['benchmark', 'models'], ['print-config']])
def test_missing_config_is_one_clear_line(words, tmp_path, capsys):
    extra = ['--out-dir', str(tmp_path / 'x')] if words == ['browse'] else []
    assert main([*words, 'gone.py', *extra]) == 2
    assert capsys.readouterr().err.startswith("error: config file 'gone.py' does not exist")


def test_print_config_shows_and_saves_the_resolved_config(configs, tmp_path, capsys):
    argv = [configs[0], '--cfg-options', 'train_cfg.max_iters=77', '--out-file', str(tmp_path / 'sub' / 'all.py')]
    assert main(['print-config', *argv]) == 0
    assert 'max_iters=77' in capsys.readouterr().out
    assert Config.fromfile(tmp_path / 'sub' / 'all.py').train_cfg.max_iters == 77


def test_benchmark_measures_both_hosts_with_and_without_data(configs, tmp_path):
    for path, macs in zip(configs, (1e6, 1e5), strict=True):
        cfg = Config.fromfile(path)
        found = measure_config(cfg, Settings(1, 1, 1))
        assert found['data'] == 'data set'
        assert (found['batch'], found['size']) == (2, [64, 64])
        noise = measure_config(cfg, Settings(1, 1, 1, synthetic=(96, 64, 1)))
        assert (noise['batch'], noise['size'], noise['data']) == (1, [96, 64], 'noise, as asked')
        for result in (found, noise):
            assert result['train_s'] > 0
            assert result['infer_s'] > 0
            assert result['train_peak_mb'] > 100
            assert result['macs'] > macs
        assert found['parameters'] == noise['parameters'] > 1000
    cfg.train_dataloader.dataset.data_root = str(tmp_path / 'gone')
    assert measure_config(cfg, Settings(1, 1, 0))['data'].startswith('noise, since the data set is not there')


def test_operations_are_counted_before_the_weights_change(configs, monkeypatch):
    events = []
    step = OptimWrapper.update_params
    monkeypatch.setattr(measure, 'count_macs', lambda call: events.append('count') or 1)
    monkeypatch.setattr(OptimWrapper, 'update_params', lambda *args: events.append('step') or step(*args))
    measure_config(Config.fromfile(configs[1]), Settings(2, 1, 0, synthetic=(64, 64, 1)))
    assert events == ['count', 'step', 'step']


@pytest.mark.parametrize('measured', [
    measure_config, lambda cfg, settings: measure.measure_trained(cfg, settings, None)], ids=['new', 'trained'])
def test_losses_that_warm_up_find_their_iteration(configs, monkeypatch, measured):
    seen = []
    step = OptimWrapper.update_params
    monkeypatch.setattr(OptimWrapper, 'update_params', lambda *args: seen.append(
        MessageHub.get_current_instance().get_info('iter')) or step(*args))
    MessageHub.get_current_instance().update_info('iter', None)
    measured(Config.fromfile(configs[1]), Settings(2, 1, 0, synthetic=(64, 64, 1)))
    assert seen == [0, 1]


@pytest.mark.parametrize('listed', [False, True], ids=['top level', 'hook'])
def test_post_process_is_measured_with_the_model(configs, monkeypatch, listed):
    calls = []
    monkeypatch.setattr(
        ConvCRFPostProcess, '__call__', lambda self, samples, images, model: calls.append(len(images)) or samples)
    cfg = Config.fromfile(configs[1])
    post_process = dict(type='mmseg_plugins.ConvCRFPostProcess')
    if listed:
        cfg.custom_hooks = [dict(type='mmseg_plugins.PostProcessHook', post_process=post_process)]
    else:
        cfg.post_process = post_process
    measure_config(cfg, Settings(1, 3, 1, synthetic=(64, 64, 1)))
    assert calls == [1] * 5  # warm-up, three images, operations


@pytest.mark.parametrize('measured', [
    measure_config, lambda cfg, settings: measure.measure_trained(cfg, settings, None)], ids=['new', 'trained'])
def test_maps_are_measured_in_the_format_that_the_recipe_trains_in(configs, monkeypatch, measured):
    formats = []
    forward = nn.Conv2d.forward

    def noted(self, maps):
        if self.in_channels == 3:
            formats.append(maps.is_contiguous(memory_format=torch.channels_last))
        return forward(self, maps)

    monkeypatch.setattr(nn.Conv2d, 'forward', noted)
    cfg = Config.fromfile(configs[1])
    cfg.custom_hooks = [dict(type='mmseg_plugins.ChannelsLastHook')]
    measured(cfg, Settings(1, 1, 0, synthetic=(64, 64, 1)))
    assert formats == [True] * 3  # an image, operations, a step


def test_benchmark_runs_rounds_in_fresh_processes_and_prints_ratios(configs, tmp_path, capsys):
    out = tmp_path / 'b.json'
    argv = [configs[1], configs[0], '--rounds', '1', '--train-iters', '1', '--infer-images', '1']
    assert main(['benchmark', 'models', *argv, '--synthetic', '64', '64', '1', '--out-file', str(out)]) == 0
    text = capsys.readouterr().out
    assert 'segmentor' in text
    assert '(1.00)' in text
    content = json.loads(out.read_text())
    assert list(content['medians']) == [configs[1], configs[0]]
    assert len(content['rounds']) == 1
    assert content['hardware']['cpu']


def test_medians_and_ratios_of_the_table():
    def one(seconds):
        peaks = dict(train_peak_mb=10, infer_peak_mb=10)
        return dict(train_s=seconds, infer_s=1.0, parameters=2e6, macs=None, batch=2, **peaks)

    rounds = [{'a.py': one(1.0), 'b.py': one(4.0)}, {'a.py': one(9.0), 'b.py': one(4.0)},
              {'a.py': one(2.0), 'b.py': one(100.0)}]
    medians = combine(rounds, ['a.py', 'b.py'])
    assert [medians[name]['train_s'] for name in medians] == [2.0, 4.0]
    rows = format_table(medians).splitlines()
    assert rows[2].split()[:3] == ['a', '2', '(1.00)']
    assert rows[3].split()[:3] == ['b', '4', '(2.00)']
    assert rows[3].split()[-1] == '-'


def test_macs_are_multiply_adds():
    import torch

    layer = torch.nn.Conv2d(3, 8, 3, padding=1)
    assert count_macs(lambda _: layer(torch.zeros(1, 3, 10, 10))) == 10 * 10 * 8 * 3 * 9


def test_synthetic_batch_has_the_size_and_valid_truth(configs):
    cfg = Config.fromfile(configs[0])
    batch = synthetic_batch(cfg, (40, 64), 2)
    assert [tuple(image.shape) for image in batch['inputs']] == [(3, 40, 64)] * 2
    truth = batch['data_samples'][0].gt_instances
    assert truth.masks.masks.any(axis=(1, 2)).all()
    assert int(truth.labels.max()) < 2
    assert number_of_classes(cfg.model) == 2
    assert number_of_classes(dict(panoptic_head=dict(num_things_classes=8, num_stuff_classes=3))) == 11


def test_input_size_follows_the_last_resize_or_crop():
    def cfg(*steps):
        return Config(dict(train_dataloader=dict(dataset=dict(pipeline=list(steps)))))

    assert input_size(cfg(dict(type='Resize', scale=(1333, 800)))) == (800, 1333)
    assert input_size(cfg(dict(type='Resize', scale=(1333, 800)), dict(type='RandomCrop', crop_size=(256, 320)))) \
        == (256, 320)
    assert input_size(cfg(dict(type='mmdet.RandomChoiceResize', scales=[(640, 480), (1333, 800)]))) == (800, 1333)
    assert input_size(Config(dict())) == (512, 512)
