"""Toy configs through ``mmseg-plugins train``: what cannot work is refused in a sentence, all else runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from data_promise import plain_config_text
from mmengine.config import Config
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

from mmseg_plugins.cli.main import main
from mmseg_plugins.engine import SafeRunner
from mmseg_plugins.utils.errors import UserError

EPOCHS = dict(type='EpochBasedTrainLoop', max_epochs=1)
SHUFFLED = dict(type='DefaultSampler', shuffle=True)
PSP = dict(type='PSPHead', in_channels=16, channels=4, num_classes=3, norm_cfg=dict(type='BN'),
           loss_decode=dict(type='CrossEntropyLoss'))
LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True, with_mask=True)]


@pytest.fixture(scope='module')
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_label_maps(tmp_path_factory.mktemp('maps'), images=3)


def run(cfg: Config, folder: Path, *words: str) -> int:
    """Exit status of ``train``."""
    cfg.update(run_report=False, progress=False, log_level='ERROR')
    path = folder / 'toy.py'
    path.write_text(plain_config_text(cfg), encoding='utf-8')
    return main(['train', str(path), '--work-dir', str(folder / 'run'), *words])


def merged(base: Any, changes: dict[str, Any]) -> Config:
    cfg = Config(base.to_dict())
    for key, value in changes.items():
        *parents, last = key.split('.')
        node = cfg
        for parent in parents:
            node = node[parent]
        node[last] = value
    return cfg


@pytest.mark.parametrize(('changes', 'words'), [
    ({'train_cfg': EPOCHS}, ['InfiniteSampler never ends', 'DefaultSampler']),
    ({'default_hooks.checkpoint.save_best': 'mIoUs'}, ["names 'mIoUs'", "'mIoU'"]),
    ({'model.decode_head.loss_decode.class_weight': [1.0, 2.0]}, ['class_weight has 2 values', '3 scores']),
    ({'model.decode_head': PSP, 'train_dataloader.batch_size': 1}, ['sees a single value', 'batch_size=2']),
    ({'model.decode_head': PSP, 'train_dataloader.sampler': SHUFFLED, 'train_cfg': EPOCHS},
     ['sees a single value', 'which the last of an epoch is', 'drop_last=True']),
    ({'train_dataloader.batch_size': 9, 'train_dataloader.drop_last': True, 'train_dataloader.sampler': SHUFFLED,
      'train_cfg': EPOCHS}, ['no batch at all: 3 images, batches of 9']),
    ({'param_scheduler': [dict(type='MultiStepLR', milestones=[1])]}, ['counts epochs', 'by_epoch=False']),
    ({'optim_wrapper.optimizer.lr': '1e-3'}, ["lr='1e-3'", 'a number']),
])
def test_what_cannot_work_is_refused_in_a_sentence(changes: dict[str, Any], words: list[str], maps: Path,
                                                   tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(merged(segmentor_config(maps, tmp_path), changes), tmp_path) == 2
    said = capsys.readouterr().err
    assert 'Traceback' not in said
    assert 'Fix: ' in said
    for word in words:
        assert word in said
    assert not list(tmp_path.rglob('*.pth'))


def test_what_is_unusual_runs_to_the_end(maps: Path, tmp_path: Path) -> None:
    changes = {'train_dataloader.persistent_workers': True, 'train_dataloader.pin_memory': True,
               'train_cfg.val_interval': 100, 'default_hooks.checkpoint.save_best': 'mIoU',
               'param_scheduler': [dict(type='PolyLR', by_epoch=False, end=500)], 'train_dataloader.batch_size': 9}
    assert run(merged(segmentor_config(maps, tmp_path), changes), tmp_path) == 0
    assert (tmp_path / 'run/iter_2.pth').is_file()
    assert list((tmp_path / 'run').glob('best_mIoU*.pth'))


def test_masks_that_mosaic_would_leave_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cfg = detector_config(write_toy_coco(tmp_path / 'data', images=2), tmp_path)
    inner = dict(cfg.train_dataloader.dataset, pipeline=LOAD)
    cfg.train_dataloader.dataset = dict(
        type='MultiImageMixDataset', dataset=inner,
        pipeline=[dict(type='Mosaic', img_scale=(64, 64)), dict(type='PackDetInputs')])
    assert run(cfg, tmp_path) == 2
    assert 'Mosaic) moves the image and its boxes, but not its masks' in capsys.readouterr().err


def test_mixed_precision_on_a_cpu(maps: Path, tmp_path: Path) -> None:
    assert run(segmentor_config(maps, tmp_path), tmp_path, '--amp') == 0


def test_another_optimizer_in_the_work_folder_and_a_finished_run(maps: Path, tmp_path: Path,
                                                                 capsys: pytest.CaptureFixture[str]) -> None:
    cfg = merged(segmentor_config(maps, tmp_path), {
        'train_cfg': EPOCHS, 'train_dataloader.sampler': SHUFFLED, 'train_dataloader.drop_last': True,
        'default_hooks.checkpoint': dict(type='mmseg_plugins.SafeCheckpointHook', interval=1)})
    assert run(cfg, tmp_path) == 0
    written = sorted(path.stat().st_mtime_ns for path in (tmp_path / 'run').glob('*.pth'))
    assert run(cfg, tmp_path) == 0  # max_epochs is not above the epoch that is resumed: complete
    assert sorted(path.stat().st_mtime_ns for path in (tmp_path / 'run').glob('*.pth')) == written
    capsys.readouterr()
    cfg.optim_wrapper.optimizer = dict(type='AdamW', lr=0.001)
    cfg.train_cfg.max_epochs = 2
    assert run(cfg, tmp_path) == 2
    said = capsys.readouterr().err
    assert 'AdamW' in said
    assert '--restart' in said


def test_a_training_whose_pipeline_leaves_nothing_names_the_steps(tmp_path: Path) -> None:
    """mmengine tries a thousand images, and says that their paths are wrong."""
    cfg = detector_config(write_toy_coco(tmp_path / 'data', images=1), tmp_path / 'run')
    cfg.train_dataloader.dataset.pipeline.insert(2, dict(type='FilterAnnotations', min_gt_bbox_wh=(500, 500)))
    cfg.train_dataloader.dataset.max_refetch = 2
    cfg.update(run_report=False, progress=False, log_level='ERROR')
    with pytest.raises(UserError, match=r'left nothing of 2 images in a row.*FilterAnnotations.*Fix: smaller'):
        SafeRunner.from_cfg(cfg).train()
