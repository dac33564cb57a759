"""The overfit benchmark: same images in training and validation, no random step, and a toy system that learns them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

from mmseg_plugins.benchmark import overfit
from mmseg_plugins.benchmark.overfit import Settings, fixed_pipeline, format_rows, measure_overfit, overfit_config
from mmseg_plugins.cli.main import main
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
    assert len(steps) == 7


def test_instances_are_scored_on_the_images_they_train_on(tmp_path: Path) -> None:
    cfg = detector_config(write_toy_coco(tmp_path), tmp_path / 'run')
    cfg.val_evaluator.ann_file = 'elsewhere.json'
    changed = overfit_config(cfg, Settings(images=3, iters=7, lr_factor=4.0))
    for loader in (changed.train_dataloader, changed.val_dataloader):
        assert loader.dataset.ann_file == 'ann.json'
        assert loader.dataset.indices == 3
    assert changed.val_evaluator.ann_file == str(tmp_path / 'ann.json')
    assert changed.optim_wrapper.optimizer.lr == pytest.approx(0.04)
    assert cfg.val_evaluator.ann_file == 'elsewhere.json'
    assert cfg.optim_wrapper.optimizer.lr == 0.01
    assert [step.type for step in changed.train_dataloader.dataset.pipeline] == [
        'LoadImageFromFile', 'LoadAnnotations', 'PackDetInputs']


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


def test_rows_are_written_once_and_a_refused_config_is_a_row(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / 'toy.py', tmp_path / 'rows.json'
    segmentor_config(write_toy_label_maps(tmp_path), tmp_path / 'run').dump(str(path))
    calls: list[float] = []

    def fake(cfg: object, settings: Settings) -> dict:
        calls.append(settings.lr_factor)
        if settings.lr_factor == 3:
            raise UserError('no such rate')
        return dict(scores={'mIoU': 50.0}, precise={}, first_loss=2.0, loss=1.0, seconds=3.0)

    monkeypatch.setattr(overfit, 'measure_overfit', fake)
    command = ['benchmark', 'overfit', str(path), '--lr-factor', '1', '3', '--out-file', str(out)]
    assert main(command) == 0
    assert main(command) == 0
    assert calls == [1.0, 3.0, 3.0]  # the refused one is tried again
    rows = json.loads(out.read_text())['rows']
    assert rows['toy']['settings']['images'] == 8
    assert 'no such rate' in rows['toy (lr x 3)']['error']
    assert '| toy | mIoU 50.0 |  | 2.00 -> 1.000 | 3 |' in capsys.readouterr().out
    assert 'failed: no such rate' in format_rows(rows)


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
