"""``benchmark crf`` and ``tune-crf``: they measure, choose, and fail with a message."""

import json

import pytest
import torch
import toy_runs
from mmengine.registry import MODELS, init_default_scope

from mmseg_plugins.apis.tune_crf import Example, count_pixels, grid, mean_iou, read_examples, score_params
from mmseg_plugins.benchmark.crf import synthetic_picture
from mmseg_plugins.cli.main import main
from mmseg_plugins.models.crf import PRESETS


@pytest.mark.parametrize('clock', ['wall', 'cpu'])
def test_benchmark_prints_a_table_and_writes_a_file(clock, tmp_path, capsys):
    out = tmp_path / 'deep' / 'crf.json'
    words = ['--size', '24', '18', '--classes', '3', '--iterations', '2', '--rounds', '1', '--clock', clock]
    assert main(['benchmark', 'crf', *words, '--out-file', str(out)]) == 0
    shown = capsys.readouterr().out
    assert '| dense_crf |' in shown
    assert '24 x 18 px, 3 classes, 2 iterations, preset pydensecrf' in shown
    result = json.loads(out.read_text())
    assert result['ours']['setup_s'] > 0
    assert result['ours']['inference_s'] > 0
    assert len(result['vertices']) == 2


def test_benchmark_says_that_its_peer_is_missing(capsys, monkeypatch):
    from mmseg_plugins.benchmark import crf as measure_crf
    monkeypatch.setattr(measure_crf, '_pydensecrf', lambda: None)
    main(['benchmark', 'crf', '--size', '8', '8', '--classes', '2', '--rounds', '1', '--preset', 'deconvnet'])
    assert 'pydensecrf cannot be imported here' in capsys.readouterr().out


@pytest.mark.parametrize(('words', 'message'), [
    (['--preset', 'deeplab'], "no preset 'deeplab'"), (['--rounds', '0'], '--rounds 0'),
    (['--classes', '1'], '--classes 1'), (['--size', '0', '5'], '--size 0: at least 1'),
    (['--image', 'no.jpg'], 'no.jpg'),
])
def test_benchmark_refuses(words, message, capsys):
    assert main(['benchmark', 'crf', *words]) == 2
    assert message in capsys.readouterr().err


def test_picture_has_edges_and_as_many_colours_as_a_photo():
    picture = synthetic_picture(80, 120)
    assert picture.shape == (3, 80, 120)
    assert len(picture.flatten(1).unique(dim=1).t()) > 1000


def test_grid_is_every_combination_over_a_preset():
    candidates = grid('deconvnet', dict(bilateral_sxy=[10, 20], bilateral_compat=[3, 5]))
    assert [(one.bilateral_sxy, one.bilateral_compat) for one in candidates] == [(10, 3), (10, 5), (20, 3), (20, 5)]
    assert candidates[3] == PRESETS['deconvnet']


def test_mean_iou_is_over_classes_that_occur_without_void():
    label = torch.tensor([[0, 0, 1, 255]])
    confusion = count_pixels(torch.tensor([[0, 1, 1, 2]]), label, 4)
    assert confusion.sum() == 3
    assert mean_iou(confusion) == pytest.approx(50)  # 1 of 2 and 1 of 2; classes 2 and 3 do not occur


def test_scores_rise_where_noise_is_cleaned_along_an_edge():
    image = torch.full((3, 24, 24), 30.0)
    image[..., 12:] = 220
    label = (torch.arange(24) >= 12).long().expand(24, 24).clone()
    wrong = torch.rand(24, 24, generator=torch.Generator().manual_seed(0)) < 0.15
    seen = torch.where(wrong, 1 - label, label)
    probabilities = torch.where(torch.stack([seen == 0, seen == 1]), 0.7, 0.3)
    plain, (refined,) = score_params([Example(probabilities, image, label)], grid('deconvnet', {}))
    assert refined > plain + 10


def test_tune_prints_the_best_settings_and_the_line(tmp_path, capsys):
    data = toy_runs.write_toy_label_maps(tmp_path / 'data', images=2)
    cfg = toy_runs.segmentor_config(data, tmp_path / 'run')
    init_default_scope('mmseg')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict(), meta=dict()), tmp_path / 'model.pth')
    cfg.dump(str(tmp_path / 'config.py'))
    out = tmp_path / 'crf.json'
    words = [str(tmp_path / 'config.py'), str(tmp_path / 'model.pth'), '--images', '1', '--start', 'deconvnet']
    assert main(['tune-crf', *words, '--grid', 'bilateral_sxy=5,20', 'iterations=1', '--out-file', str(out)]) == 0
    shown = capsys.readouterr().out
    assert "type='mmseg_plugins.DenseCRFPostProcess', preset='deconvnet', params=dict(bilateral_sxy=" in shown
    result = json.loads(out.read_text())
    assert [one['iterations'] for one in result['scores']] == [1, 1]
    assert result['scores'][0]['mIoU'] >= result['scores'][1]['mIoU']


def test_tuning_starts_from_the_scores_of_the_network_alone(tmp_path):
    cfg = toy_runs.segmentor_config(toy_runs.write_toy_label_maps(tmp_path / 'data', images=1), tmp_path / 'run')
    init_default_scope('mmseg')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict(), meta=dict()), tmp_path / 'model.pth')
    post = dict(type='mmseg_plugins.DenseCRFPostProcess', preset='deconvnet')
    found = []
    for changes in ({}, dict(post_process=post), dict(custom_hooks=[dict(type='PostProcessHook', post_process=post)])):
        cfg.merge_from_dict(changes)
        cfg.dump(str(tmp_path / 'config.py'))
        example, = read_examples(str(tmp_path / 'config.py'), str(tmp_path / 'model.pth'), 1, 'cpu', None)
        found.append(example.probabilities)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize(('words', 'message'), [
    (['--grid', 'bilateral_sxy=a'], 'write NAME=number'), (['--grid', 'sxy=3'], r"no parameter ['sxy']"),
    (['--start', 'deeplab'], "no preset 'deeplab'"), ([], 'does not exist'),
])
def test_tune_refuses(words, message, tmp_path, capsys):
    assert main(['tune-crf', str(tmp_path / 'no.py'), 'no.pth', *words]) == 2
    assert message in capsys.readouterr().err
