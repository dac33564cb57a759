"""``check-data`` begins the run: what would stop before the first step is one of its problems."""

import logging
import os
import random

import data_promise
import pytest
import settings_promise
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import IterBasedTrainLoop
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

from mmseg_plugins.apis.data import check_data
from mmseg_plugins.engine.runner.rehearsal import start_problem


@pytest.fixture(scope='module')
def label_maps(tmp_path_factory):
    return write_toy_label_maps(tmp_path_factory.mktemp('maps'), images=2)


@pytest.fixture(scope='module')
def coco(tmp_path_factory):
    return write_toy_coco(tmp_path_factory.mktemp('coco'), images=2)


@pytest.mark.parametrize(('changes', 'said'), [
    ({'model.decode_head.norm_cfg.type': 'BNN'}, 'BNN'),
    ({'model.test_cfg.mode': 'windows'}, 'mode'),
    ({'optim_wrapper.optimizer.lr': 'text'}, 'lr'),
    ({'optim_wrapper.optimizer.type': 'SGDD'}, 'SGDD'),
    ({'optim_wrapper.optimizer': None}, 'optimizer'),
    ({'optim_wrapper._delete_': True}, 'names no optimizer'),
    ({'train_cfg.val_interval': None}, 'val_interval'),
    ({'train_dataloader.num_workers': '2'}, 'num_workers'),
    ({'train_dataloader.sampler.type': 'DefaultSampler', 'train_dataloader.sampler.shufle': True}, 'shufle'),
    ({'val_evaluator.iou_metrics': ['mIuO']}, 'mIuO'),
    ({'default_hooks.checkpoint.save_best': 'mAP'}, 'mAP'),
    ({'default_hooks.checkpoint.max_keep_ckpt': 3}, 'max_keep_ckpts'),
    ({'custom_hooks': [dict(type='EMAHook', momentum=7)]}, 'momentum'),
])
def test_settings_that_would_stop_the_start_of_a_run_are_problems_of_the_check(changes, said, label_maps, tmp_path):
    cfg = segmentor_config(label_maps, tmp_path / 'run', **changes)
    problems = [problem for report in check_data(cfg) for problem in report.problems()]
    assert len(problems) == 1
    assert said in problems[0]
    assert 'Fix: ' in problems[0]


@pytest.mark.parametrize(('changes', 'said'), [
    ({'model.test_cfg.rcnn.score_thr': '0.05'}, 'score_thr'),
    ({'model.test_cfg.rcnn.nms.type': 'nmss'}, 'nmss'),
    ({'model.roi_head.mask_head.conv_out_channels': 'text'}, 'TypeError'),
    ({'model.backbone.depth': 7}, 'depth'),
    ({'model.train_cfg.rpn.sampler.add_gt_as_proposals': True}, 'add_gt_as_proposals=False'),
    ({'model.roi_head.bbox_head.fc_out_channels': 0}, 'has no weights'),
])
def test_wrong_parts_of_a_detector_are_problems_of_the_check(changes, said, coco, tmp_path):
    cfg = detector_config(coco, tmp_path / 'run', **changes)
    assert said in start_problem(cfg)


@pytest.mark.parametrize(('pipeline', 'said'), [
    ([], 'the pipeline of train is empty'),
    ([dict(type='LoadImageFromFile'), dict(type='PackSegInputs')], 'loads no label maps'),
    ([dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs'),
      dict(type='PackSegInputs')], 'goes on after PackSegInputs'),
    ([dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='RandomCrop', crop_size=(0, 9)),
      dict(type='PackSegInputs')], 'Fix: '),
])
def test_pipelines_whose_first_image_would_stop_the_run_are_problems(pipeline, said, label_maps, tmp_path):
    cfg = segmentor_config(label_maps, tmp_path / 'run')
    cfg.train_dataloader.dataset.pipeline = pipeline
    problems = [problem for report in check_data(cfg) for problem in report.problems()]
    assert len(problems) == 1
    assert said in problems[0]


def test_a_validation_without_label_maps_is_a_problem(label_maps, tmp_path):
    cfg = segmentor_config(label_maps, tmp_path / 'run')
    cfg.val_dataloader.dataset.pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    (problem,) = [problem for report in check_data(cfg, ('train', 'val')) for problem in report.problems()]
    assert 'the pipeline of val loads no label maps, and IoUMetric' in problem


def test_a_scale_that_is_no_pair_is_told_by_the_first_image(label_maps, tmp_path):
    cfg = segmentor_config(label_maps, tmp_path / 'run')
    cfg.val_dataloader.dataset.pipeline[1].scale = [64, 64]
    (problem,) = [problem for report in check_data(cfg, ('train', 'val')) for problem in report.problems()]
    assert 'Scale must be a number or tuple of int' in problem
    assert 'Fix: ' in problem


@pytest.mark.parametrize(('changes', 'said'), [
    ({'model.backbone.strides': (1, 0)}, 'stride'), ({'model.data_preprocessor': None}, 'Fix: '),
    ({'model.decode_head.in_channels': 24}, '[8, 24, 3, 3]'), ({'model.decode_head.num_classes': 4}, 'num_classes'),
    ({'model.decode_head.loss_decode.type': 'MSELoss'}, 'MSELoss')])
def test_a_model_that_does_not_take_the_first_images_is_a_problem(changes, said, label_maps, tmp_path):
    cfg = segmentor_config(label_maps, tmp_path / 'run', **changes)
    problems = [problem for report in check_data(cfg) for problem in report.problems()]
    assert problems
    assert said in problems[0]


def test_data_only_leaves_the_run_out(label_maps, tmp_path):
    cfg = segmentor_config(label_maps, tmp_path / 'run', **{'optim_wrapper.optimizer.type': 'SGDD'})
    assert not any(report.problems() for report in check_data(cfg, data_only=True))


def test_a_split_alone_begins_its_own_run(label_maps, tmp_path):
    cfg = segmentor_config(label_maps, tmp_path / 'run', **{'optim_wrapper.optimizer.type': 'SGDD'})
    assert start_problem(cfg, ('val',)) == start_problem(cfg, ('test',)) == ''
    cfg.test_evaluator = dict(type='IoUMetrik')
    assert 'IoUMetrik' in start_problem(cfg, ('test',))


def test_the_process_is_left_as_it_was(label_maps, tmp_path):
    cfg = segmentor_config(label_maps, tmp_path / 'run')
    handlers = list(logging.getLogger().handlers)
    before = (random.getstate(), torch.get_rng_state(), dict(os.environ), dict(MMLogger._instance_dict),
              DefaultScope.get_current_instance())
    assert start_problem(cfg) == ''
    assert random.getstate() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    assert (dict(os.environ), dict(MMLogger._instance_dict), DefaultScope.get_current_instance()) == before[2:]
    assert list(logging.getLogger().handlers) == handlers
    assert not (tmp_path / 'run').exists()


class SilentLoop(IterBasedTrainLoop):
    """A loop that does not tell its hooks that it begins."""

    def run(self):
        self.runner.call_hook('before_train_epoch')
        self.run_iter(next(self.dataloader_iterator))
        raise AssertionError('a step was trained')


def test_a_loop_that_does_not_tell_its_beginning_trains_nothing(label_maps, tmp_path):
    cfg = segmentor_config(label_maps, tmp_path / 'run')
    cfg.train_cfg = dict(type=SilentLoop, max_iters=2)
    assert start_problem(cfg, ('train',)) == ''


def test_weights_that_lie_elsewhere_do_not_stop_the_check(label_maps, tmp_path):
    cfg = segmentor_config(label_maps, tmp_path / 'run')
    cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint='https://example.invalid/none.pth')
    cfg.load_from = str(tmp_path / 'none.pth')
    assert start_problem(cfg) == ''


@pytest.mark.parametrize('part', range(5))
def test_wrong_settings_are_refused_in_a_sentence_or_begin_a_run(part, tmp_path, monkeypatch):
    monkeypatch.setattr(logging.root.manager, 'disable', logging.WARNING)
    data = write_toy_label_maps(tmp_path / 'data', images=2)
    every_40th = list(settings_promise.variants(segmentor_config(data, tmp_path / 'run')))[::40]
    for name, cfg in every_40th[part::5]:
        result = settings_promise.outcome(cfg, lambda _: None)
        assert 'died' not in result.kind, (name, result.text)
        assert not data_promise.bad_words(result), (name, result.text)
