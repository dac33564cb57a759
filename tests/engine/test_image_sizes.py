"""Sizes that the data give and a network does not take stop a run before its first step; the padding is named."""

import copy
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

from mmseg_plugins.apis.data import check_data
from mmseg_plugins.apis.inference import Predictor
from mmseg_plugins.engine import SafeRunner
from mmseg_plugins.engine.checks.image_sizes import check_image_sizes
from mmseg_plugins.utils.errors import UserError

NORM = dict(type='BN')
UNET = dict(type='UNet', base_channels=2, num_stages=3, strides=(1, 1, 1), enc_num_convs=(1, 1, 1),
            dec_num_convs=(1, 1), downsamples=(True, True), enc_dilations=(1, 1, 1), dec_dilations=(1, 1),
            norm_cfg=NORM)  # fmt: skip


def unet_config(folder, **changes):
    """mmseg's U-Net, whose sides 4 must divide, on images of 61 x 45 px for validation."""
    write_toy_label_maps(folder, images=2)
    cfg = segmentor_config(folder, folder / 'work')
    cfg.model.backbone = copy.deepcopy(UNET)
    cfg.model.decode_head.update(in_channels=2, in_index=-1)
    cfg.val_dataloader.dataset.pipeline[1].update(scale=(61, 45), keep_ratio=False)
    cfg.merge_from_dict(changes)
    return cfg


def test_a_run_stops_before_its_first_step(tmp_path):
    with pytest.raises(UserError, match=r'takes no image of 61 x 45 px .*divisible.* val gives such images, of 61 x 45 '
                                        r'px before padding\. Rule.*Fix: model.data_preprocessor.test_cfg='
                                        r'dict\(size_divisor=4\)'):
        SafeRunner.from_cfg(unet_config(tmp_path)).train()
    assert not list(tmp_path.rglob('iter_*.pth'))


def test_check_data_says_the_same_and_the_fix_helps(tmp_path):
    cfg = unet_config(tmp_path)
    problems = [problem for report in check_data(cfg) for problem in report.problems()]
    assert len(problems) == 1
    assert problems[0].endswith('test_cfg=dict(size_divisor=4)')
    cfg.model.data_preprocessor.test_cfg = dict(size_divisor=4)
    assert not any(report.problems() for report in check_data(cfg))
    SafeRunner.from_cfg(cfg).train()
    assert (tmp_path / 'work' / 'iter_2.pth').is_file()


def test_the_check_can_be_left_out(tmp_path):
    cfg = unet_config(tmp_path, compatibility_check=False)
    assert not any(report.problems() for report in check_data(cfg))


def predictor_of(cfg, folder):
    with DefaultScope.overwrite_default_scope('mmseg'):
        torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), folder / 'first.pth')
    return Predictor(cfg, folder / 'first.pth', 'cpu')


def test_a_prediction_of_such_a_size_is_refused_in_words(tmp_path):
    cfg = unet_config(tmp_path)
    cfg.test_dataloader.dataset.pipeline[1].update(scale=(61, 45), keep_ratio=False)
    with pytest.raises(UserError, match=r'takes no image of 61 x 45 px.*size_divisor=4'):
        predictor_of(cfg, tmp_path)(np.zeros((90, 122, 3), np.uint8))


def test_a_thin_image_is_refused_in_words_and_the_others_are_predicted(tmp_path, capsys):
    from mmseg_plugins.apis.predict_files import PredictionJob, predict_files

    predictor = predictor_of(segmentor_config(tmp_path, tmp_path), tmp_path)
    names = ['thin.png', 'whole.png']
    for name, size in zip(names, ((2, 400, 3), (64, 64, 3)), strict=True):
        cv2.imwrite(str(tmp_path / name), np.zeros(size, np.uint8))
    failures = predict_files(predictor, [tmp_path / name for name in names], names, PredictionJob(tmp_path / 'out'))
    assert len(failures) == 1
    assert 'thin.png: Resize(scale=(64, 64)) would make 64 x 0 px of 400 x 2 in the test pipeline. Rule' in failures[0]
    assert (tmp_path / 'out' / 'labels' / 'whole.png').is_file()


@pytest.fixture(scope='module')
def small_detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp('toy')
    cfg = detector_config(write_toy_coco(folder, images=1), folder)
    with DefaultScope.overwrite_default_scope('mmdet'):
        return MODELS.build(cfg.model)


def test_the_model_and_the_random_generators_are_left_as_they_were(small_detector):
    before = copy.deepcopy(small_detector.state_dict())
    modes = [module.training for module in small_detector.modules()]
    numbers = torch.get_rng_state()
    check_image_sizes(small_detector, {'train': [(61, 45)], 'val': [(3, 1000)]}, 2, False)
    assert torch.equal(numbers, torch.get_rng_state())
    assert [module.training for module in small_detector.modules()] == modes
    after = small_detector.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert not small_detector._forward_hooks


def test_safe_sizes_and_models_that_take_no_empty_batch_are_passed(small_detector, monkeypatch):
    calls = []
    monkeypatch.setattr(type(small_detector), '_run_forward', lambda self, data, mode: calls.append(mode))
    check_image_sizes(small_detector, {'train': [(64, 96)], 'test': [(800, 1344)]}, 2, False)
    assert not calls

    def refuse(self, data, mode):
        raise KeyError('more than an image')

    monkeypatch.setattr(type(small_detector), '_run_forward', refuse)
    check_image_sizes(small_detector, {'train': [(61, 45)]}, 2, False)
    check_image_sizes(SimpleNamespace(), {'train': [(61, 45)]}, 2, False)  # type: ignore[arg-type]
