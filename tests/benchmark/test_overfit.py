"""The overfit benchmark: same images in training and validation, no random step, and a toy system that learns them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

from mmseg_plugins.benchmark import overfit, short_runs
from mmseg_plugins.benchmark.overfit import Settings, fixed_pipeline, measure_overfit, overfit_config
from mmseg_plugins.utils.errors import UserError


def test_random_steps_go_and_one_size_comes_after_loading() -> None:
    steps = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='RandomResize', scale=(9, 9)),
             dict(type='RandomCrop', crop_size=(8, 8)), dict(type='mmdet.PhotoMetricDistortion'),
             dict(type='Resize', scale=(5, 5)), dict(type='PackSegInputs')]
    fixed = fixed_pipeline(steps, (64, 96))
    assert [step['type'] for step in fixed] == [
        'LoadImageFromFile', 'LoadAnnotations', 'Resize', 'KeyMapper', 'PackSegInputs']
    assert fixed[2]['scale'] == (96, 64)
    assert fixed[2]['keep_ratio'] is False
    assert len(fixed_pipeline(steps, None)) == 4
    drawn = fixed_pipeline([*steps[:2], dict(type='mmseg_plugins.InstancesToSegMap'), *steps[2:]], (64, 96))
    assert [step['type'] for step in drawn[2:4]] == ['mmseg_plugins.InstancesToSegMap', 'Resize']
    assert len(steps) == 7


def test_instances_are_scored_on_the_images_they_train_on(tmp_path: Path) -> None:
    cfg = detector_config(write_toy_coco(tmp_path), tmp_path / 'run')
    cfg.val_evaluator.ann_file = 'elsewhere.json'
    changed = overfit_config(cfg, Settings(images=3, iters=7, lr_factor=4.0))
    for loader in (changed.train_dataloader, changed.val_dataloader):
        assert loader.dataset.ann_file == 'ann.json'
        assert loader.dataset.indices == 3
    assert [one.ann_file for one in changed.val_evaluator] == [str(tmp_path / 'ann.json')]
    assert changed.optim_wrapper.optimizer.lr == pytest.approx(0.04)
    assert cfg.val_evaluator.ann_file == 'elsewhere.json'
    assert cfg.optim_wrapper.optimizer.lr == 0.01
    assert [step.type for step in changed.train_dataloader.dataset.pipeline] == [
        'LoadImageFromFile', 'LoadAnnotations', 'PackDetInputs']


@pytest.mark.parametrize('size', [(48, 64), None])
def test_images_are_not_padded_to_the_crops_of_the_recipe(tmp_path: Path, size: tuple[int, int] | None) -> None:
    """Padding of 64 x 96 to 224 x 224 is 88 % of what the norms count, and eight times the work."""
    cfg = segmentor_config(write_toy_label_maps(tmp_path), tmp_path / 'run')
    cfg.model.data_preprocessor.size = (224, 224)
    cfg.train_dataloader.dataset.pipeline.insert(2, dict(type='RandomCrop', crop_size=(224, 224)))
    changed = overfit_config(cfg, Settings(size=size))
    assert changed.model.data_preprocessor['size'] == (size or overfit.SEMANTIC_SIZE)
    del cfg.model.data_preprocessor['size']
    assert 'size' not in overfit_config(cfg, Settings(size=size)).model.data_preprocessor


def test_a_recipe_of_whole_images_sees_those(tmp_path: Path) -> None:
    cfg = segmentor_config(tmp_path, tmp_path / 'run')
    assert 'Resize' not in [step['type'] for step in overfit_config(cfg, Settings()).train_dataloader.dataset.pipeline]
    assert overfit_config(cfg, Settings()).model.data_preprocessor['size'] == (64, 64)


def test_a_config_that_scores_in_windows_sees_one(tmp_path: Path) -> None:
    cfg = segmentor_config(tmp_path, tmp_path / 'run')
    cfg.model.test_cfg = dict(mode='slide', crop_size=(48, 40), stride=(32, 32))
    steps = overfit_config(cfg, Settings()).val_dataloader.dataset.pipeline
    assert [step['scale'] for step in steps if step['type'] == 'Resize'] == [(40, 48)]
    steps = overfit_config(cfg, Settings(size=(8, 16))).val_dataloader.dataset.pipeline
    assert [step['scale'] for step in steps if step['type'] == 'Resize'] == [(16, 8)]


def test_images_without_labels_are_the_next_ones(tmp_path: Path) -> None:
    cfg = segmentor_config(tmp_path, tmp_path / 'run')
    labeled = cfg.train_dataloader.dataset.to_dict()
    sampler = dict(type='mmseg_plugins.PartsBatchSampler', parts=[1, 1])
    datasets = [labeled, dict(labeled, data_prefix=dict(img_path='i'))]
    cfg.train_dataloader.update(batch_size=8, batch_sampler=sampler)
    cfg.train_dataloader.dataset = dict(type='mmseg_plugins.LabelShare', share=0.125, datasets=datasets)
    with pytest.raises(UserError, match='--batch-size: this recipe mixes'):
        overfit_config(cfg, Settings(images=3, batch_size=2))
    changed = overfit_config(cfg, Settings(images=3))
    assert (changed.train_dataloader.batch_size, changed.train_dataloader.batch_sampler) == (8, sampler)
    assert changed.train_dataloader.dataset.share == 1.0
    assert [part.indices for part in changed.train_dataloader.dataset.datasets] == [3, [3, 4, 5]]
    assert changed.val_dataloader.dataset.indices == 3


def test_average_precision_is_that_of_the_few_images_alone(tmp_path: Path) -> None:
    """Of all images in the file, two that are found without fault were 2 / 4."""
    cfg = overfit_config(detector_config(write_toy_coco(tmp_path), tmp_path / 'run'), Settings(images=2))
    path = tmp_path / 'few.json'
    overfit.keep_ground_truth(cfg, path)
    content = json.loads(path.read_text())
    assert [image['id'] for image in content['images']] == [1, 2]
    assert sorted(one['image_id'] for one in content['annotations']) == [1, 1, 2, 2]
    readers = (cfg.train_dataloader.dataset, cfg.val_dataloader.dataset, cfg.val_evaluator[0])
    assert {reader.ann_file for reader in readers} == {str(path)}


def test_panoptic_evaluators_read_the_training_maps(tmp_path: Path) -> None:
    cfg = detector_config(tmp_path, tmp_path / 'run')
    cfg.train_dataloader.dataset.update(ann_file='train.json', data_prefix=dict(img='images/', seg='train_maps/'))
    panoptic = dict(type='PanopticQualityMetric', ann_file='val.json', seg_prefix='val_maps/')
    cfg.val_evaluator = [panoptic, cfg.val_evaluator]
    changed = overfit_config(cfg, Settings())
    assert [dict(one) for one in changed.val_evaluator] == [dict(
        panoptic, ann_file=str(tmp_path / 'train.json'), seg_prefix=f'{tmp_path}/train_maps/')]


def test_a_toy_network_learns_two_images(tmp_path: Path) -> None:
    cfg = segmentor_config(write_toy_label_maps(tmp_path), tmp_path / 'run')
    settings = Settings(images=2, size=(32, 32), iters=30, lr_factor=20.0)
    found = measure_overfit(cfg, settings)
    assert set(found['scores']) == set(found['precise']) == {'mIoU', 'aAcc'}
    assert found['loss'] < 0.5 * found['first_loss']
    assert found['precise']['aAcc'] > 85  # the ground alone covers 82 %


def test_precise_statistics_show_what_moving_averages_hide(tmp_path: Path) -> None:
    """After two iterations the averages still hold four fifths of their first values."""
    cfg = segmentor_config(write_toy_label_maps(tmp_path), tmp_path / 'run')
    found = measure_overfit(cfg, Settings(images=2, size=(32, 32), iters=2))
    assert found['precise'] != found['scores']


def test_a_training_that_takes_too_long_stops(tmp_path: Path) -> None:
    cfg = segmentor_config(write_toy_label_maps(tmp_path), tmp_path / 'run')
    with pytest.raises(TimeoutError, match=r'^0 s were over after iteration 1 of 9$'):
        measure_overfit(cfg, Settings(images=2, size=(32, 32), iters=9), timeout=0)


@pytest.mark.parametrize(('change', 'message'), [
    (dict(val_evaluator=None), 'no val_evaluator'),
    (dict(optim_wrapper=dict(optimizer=dict(_delete_=True, type='SGD'))), 'is no number'),
])
def test_what_cannot_be_scored_is_refused(tmp_path: Path, change: dict, message: str) -> None:
    cfg = segmentor_config(tmp_path, tmp_path / 'run')
    cfg.merge_from_dict(change)
    with pytest.raises(UserError, match=message):
        overfit_config(cfg, Settings(lr_factor=2.0))


def test_a_size_is_for_semantic_configs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='--size'):
        overfit_config(detector_config(tmp_path, tmp_path / 'run'), Settings(size=(64, 64)))


@pytest.mark.parametrize(('asked', 'taken'), [(None, 3), (2, 2), (9, 3)])
def test_a_step_sees_as_many_images_as_asked_and_as_there_are(tmp_path: Path, asked: int | None, taken: int) -> None:
    cfg = detector_config(write_toy_coco(tmp_path), tmp_path / 'run')
    cfg.train_dataloader.batch_size = 16
    assert overfit_config(cfg, Settings(images=3, batch_size=asked)).train_dataloader.batch_size == taken


def test_a_classifier_of_images_is_scored_by_its_labels() -> None:
    runner = SimpleNamespace(val=lambda: {'labels/mAP': 96.0, 'mIoU': 3.0, 'aAcc': 4.0})
    assert short_runs._scores(cast(Any, runner)) == {'labels/mAP': 96.0}
    runner.val = lambda: {'coco/segm_mAP': 0.5, 'mIoU': 3.0, 'other': 1.0}
    assert short_runs._scores(cast(Any, runner)) == {'mIoU': 3.0, 'coco/segm_mAP': 50.0}
