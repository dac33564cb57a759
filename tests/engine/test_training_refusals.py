"""Set-ups that cannot work are refused at the start, in one sentence with the fix, before data is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from config_files import NAMES, loaded
from engine_toy import ToyModel, loader, toy_config, train, validation
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from mmseg_plugins.engine.checks import training_config, training_parts
from mmseg_plugins.engine.checks.metric_names import reported_metrics
from mmseg_plugins.engine.checks.training_config import check_config_of_training
from mmseg_plugins.engine.checks.training_parts import check_class_weights, single_value_norms
from mmseg_plugins.engine.runner.dry_run import shorten
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils.errors import UserError

EPOCHS = dict(type='EpochBasedTrainLoop', max_epochs=2)
UNREADABLE = dict(type='ToyDataset', length=-1, lazy_init='no data set of this run may be built')


@MODELS.register_module()
class ToyPooling(ToyModel):
    """A branch of one value a channel for each image, as pooling heads have it."""

    def __init__(self) -> None:
        super().__init__()
        self.pooled = nn.ModuleDict(dict(conv=nn.Linear(4, 4), bn=nn.BatchNorm1d(4)))

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'tensor') -> Any:
        x = torch.stack(list(inputs)) if isinstance(inputs, (list, tuple)) else inputs
        losses = super().forward(torch.cat([x, x]), data_samples, mode)
        if mode == 'loss':
            losses['loss_pooled'] = self.pooled['bn'](self.pooled['conv'](x)).sum() * 0
        return losses


def refused(tmp_path: Path, words: str, **changes: Any) -> None:
    """The run stops before its training data set is built."""
    data = changes.pop('train_dataloader', loader())
    data['dataset'].update(UNREADABLE)
    runner = SafeRunner.from_cfg(toy_config(tmp_path, train_dataloader=data, **changes))
    with pytest.raises(UserError, match=f'(?s){words}'):
        runner.train()


@pytest.mark.parametrize('train_cfg', [EPOCHS, dict(by_epoch=True, max_epochs=2)])
def test_an_endless_sampler_in_a_loop_of_epochs(train_cfg: dict, tmp_path: Path) -> None:
    refused(tmp_path, 'sampler InfiniteSampler never ends.*EpochBasedTrainLoop.*Fix: .*DefaultSampler',
            train_cfg=train_cfg, train_dataloader=loader(sampler='InfiniteSampler'))


def test_an_endless_sampler_of_ones_own_is_found_when_it_is_built(tmp_path: Path) -> None:
    from mmengine.dataset import InfiniteSampler
    from mmengine.registry import DATA_SAMPLERS

    class ToyEndless(InfiniteSampler):
        pass

    DATA_SAMPLERS.register_module(module=ToyEndless)
    try:
        with pytest.raises(UserError, match='InfiniteSampler never ends'):
            train(tmp_path, train_cfg=EPOCHS, train_dataloader=loader(sampler='ToyEndless'), param_scheduler=None)
    finally:
        DATA_SAMPLERS.module_dict.pop('ToyEndless')


def test_schedules_of_epochs_in_a_loop_of_iterations(tmp_path: Path) -> None:
    schedule = dict(type='MultiStepLR', milestones=[8, 11])
    refused(tmp_path, r'param_scheduler\[0\] \(MultiStepLR\) counts epochs .*never step.*Fix: by_epoch=False',
            param_scheduler=[schedule])
    check_config_of_training(dict(train_cfg=dict(by_epoch=False, max_iters=8), param_scheduler=[
        dict(schedule, by_epoch=False), dict(type='ReduceOnPlateauLR'),
        dict(schedule, convert_to_iter_based=True)]))  # fmt: skip
    assert shorten(Config(dict(train_cfg=EPOCHS, param_scheduler=[schedule]))).param_scheduler == []


def test_mixed_precision_without_an_accelerator(tmp_path: Path) -> None:
    refused(tmp_path, r'AmpOptimWrapper on cpu.*Fix: .*AutocastOptimWrapper',
            optim_wrapper=dict(type='AmpOptimWrapper', optimizer=dict(type='SGD', lr=0.1)))


SEGM = dict(type='mmseg_plugins.FastCocoMetric', metric=['bbox', 'segm'])
STOP = 'mmengine.EarlyStoppingHook'


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(save_best='coco/segm_mAPs'), r"save_best of the checkpoint hook names 'coco/segm_mAPs'.*did you mean .*"
                                       r"'coco/segm_mAP'.*coco/bbox_mAP_50.*Fix: "),
    (dict(hooks=[dict(type=STOP, monitor='segm_mAP')]), "monitor of EarlyStoppingHook names 'segm_mAP'"),
    (dict(schedule=[dict(type='ReduceOnPlateauLR', monitor='mAP', by_epoch=False)]),
     r"param_scheduler\[0\]\.monitor names 'mAP'"),
])
def test_metrics_that_the_validation_does_not_report(changes: dict, words: str, tmp_path: Path) -> None:
    cfg = toy_config(tmp_path)
    refused(tmp_path, words, **{**validation(), 'val_evaluator': SEGM},
            default_hooks=dict(cfg.default_hooks, checkpoint=dict(
                cfg.default_hooks.checkpoint, save_best=changes.get('save_best'))),
            custom_hooks=changes.get('hooks', []), param_scheduler=changes.get('schedule'))  # fmt: skip


def test_a_metric_that_is_known_only_to_the_validation_is_refused_after_the_first_one(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path)
    hooks = dict(cfg.default_hooks, checkpoint=dict(cfg.default_hooks.checkpoint, save_best='ac', rule='greater'))
    with pytest.raises(UserError, match=r"names 'ac'.*did you mean 'acc'.*Fix"):
        train(tmp_path, **validation(), train_cfg=dict(by_epoch=False, max_iters=8, val_interval=4),
              default_hooks=hooks)


@pytest.mark.parametrize(('evaluator', 'there', 'lacking'), [
    (dict(type='CocoMetric'), 'coco/bbox_mAP_75', 'coco/segm_mAP'),
    (dict(type='CocoMetric', metric='segm', prefix='mine', metric_items=['mAP']), 'mine/segm_mAP', 'mine/segm_mAP_50'),
    (dict(type='CocoMetric', metric='proposal'), 'coco/AR@300', 'coco/bbox_mAP'),
    (dict(type='mmseg_plugins.MaskRecallMetric'), 'coco/AR@10', 'coco/bbox_mAP'),
    (dict(type='mmseg.IoUMetric', iou_metrics=['mDice']), 'mDice', 'mIoU'),
    ([dict(type='IoUMetric'), dict(type='CocoPanopticMetric')], 'coco_panoptic/PQ_th', 'PQ'),
    (dict(type='mmseg_plugins.InstanceVOCMetric'), 'sds/mAPr_50', 'sds/mAPr_75'),
])
def test_reported_metrics(evaluator: Any, there: str, lacking: str) -> None:
    names = reported_metrics(evaluator)
    assert names is not None
    assert there in names
    assert lacking not in names


def test_metrics_that_are_not_known_are_not_guessed() -> None:
    assert reported_metrics([dict(type='CocoMetric'), dict(type='ToyMetric')]) is None
    assert reported_metrics(dict(type='CocoMetric', classwise=True)) is None


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(save_best='acc'), 'save_best of the checkpoint hook has no effect: the config has no validation'),
    (dict(by_epoch=True), 'checkpoint counts epochs .*begins anew.*by_epoch=False'),
    (dict(accumulate=3), r'interval=4 is no multiple of optim_wrapper\.accumulative_counts=3'),
    (dict(val_begin=100), r'There is no validation: train_cfg\.val_begin=100'),
    (dict(schedule=dict(type='mmengine.PolyLR', end=80)), r'param_scheduler\[0\] \(PolyLR\) ends at 80: .*ends at 8'),
    (dict(schedule=dict(type='CosineAnnealingLR', begin=8, end=9)), 'begins at 8: it never acts, .* Fix: give it'),
    (dict(schedule=dict(type='MultiStepLR', milestones=[8, 11])), r'has the milestones \[8, 11\]: it never steps'),
])
def test_what_works_but_not_as_meant_is_said(changes: dict, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(training_config, 'print_log', lambda text, *options: said.append(text))
    cfg: dict[str, Any] = dict(train_cfg=dict(by_epoch=False, max_iters=8), optim_wrapper=dict())
    hook = CheckpointHook(interval=4, by_epoch=changes.get('by_epoch', False), save_best=changes.get('save_best'))
    check_config_of_training(cfg, [CheckpointHook(interval=4, by_epoch=False)])
    assert said == []
    cfg['optim_wrapper'] = dict(accumulative_counts=changes.get('accumulate', 1))
    if 'val_begin' in changes:
        cfg.update(val_evaluator=dict(type='ToyMetric'), train_cfg=dict(cfg['train_cfg'], val_begin=100))
    if 'schedule' in changes:
        cfg['param_scheduler'] = [dict(changes['schedule'], by_epoch=False)]
    check_config_of_training(cfg, [hook])
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(' '.join(said))
    assert len(said) == 1
    check_config_of_training(dict(cfg, dry_run=True), [hook])
    assert len(said) == (1 if 'schedule' in changes else 2), 'a dry run is shorter than its schedules'


@pytest.mark.parametrize(('name', 'other'), [('Mosaic', 'CachedMosaic'), ('MixUp', 'CachedMixUp')])
def test_masks_that_a_transform_would_leave_behind(name: str, other: str) -> None:
    load = [dict(type='LoadAnnotations', with_bbox=True, with_mask=True)]
    inner = dict(type='CocoDataset', pipeline=load)
    dataset = dict(type='MultiImageMixDataset', dataset=inner, pipeline=[dict(type=name, img_scale=(64, 64))])
    cfg: dict[str, Any] = dict(default_scope='mmdet', train_dataloader=dict(dataset=dataset))
    with pytest.raises(UserError, match=rf'dataset\.pipeline\[0\] \({name}\) moves .* not its masks.*Fix: {other}'):
        check_config_of_training(cfg)
    dataset['pipeline'] = [dict(type=other, img_scale=(64, 64)), dict(type='RandomFlip', prob=0.5)]
    check_config_of_training(cfg)
    load[0]['with_mask'] = False
    dataset['pipeline'] = [dict(type=name, img_scale=(64, 64))]
    check_config_of_training(cfg)


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(train_cfg=dict(by_epoch=False, max_iters='8')), "train_cfg.max_iters='8'.*whole number"),
    (dict(train_cfg=dict(by_epoch=False, max_iters=8, val_interval=0)), 'train_cfg.val_interval=0.*at least 1'),
    (dict(train_dataloader=loader(batch_size=0)), 'train_dataloader.batch_size=0'),
    (dict(train_cfg=dict(by_epoch=False, max_iters=None)), 'train_cfg has no max_iters'),
    (dict(train_cfg=dict(type='EpochBasedTrainLoop')), 'train_cfg has no max_epochs'),
    (dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=1), accumulative_counts=0)), 'accumulative_counts=0'),
    (dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=1), clip_grad=dict(max_norms=1))), 'clip_grad=.*max_norm'),
    (dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=1), clip_grad=35)), 'clip_grad=35.*a dict'),
    (dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr='1e-3'))), r"optimizer\.lr='1e-3'.*a number"),
    (dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, weight_decay=-1))), 'weight_decay=-1.*at least 0'),
    (dict(param_scheduler=[dict(type='LinearLR', by_epoch=False, begin=50, end=8)]), 'begins at 50 and ends at 8'),
    (dict(custom_hooks=[dict(type='EMAHook', begin_iter=100)]), 'EMAHook: begin_iter=100 is after the end of the run'),
])
def test_numbers_that_are_none_or_out_of_range(changes: dict, words: str, tmp_path: Path) -> None:
    refused(tmp_path, f'{words}.*Fix: ', **changes)


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(val_cfg=None), 'no val_cfg, but .*belong together'), (dict(val_evaluator=None), 'no val_evaluator'),
    (dict(train_cfg=None), 'no train_cfg, but '), (dict(optim_wrapper=None), 'no optim_wrapper, but '),
    (dict(randomness=dict(seed='three')), "seed='three'.*whole number"),
    (dict(test_dataloader=loader(batch_size='2')), "test_dataloader.batch_size='2'.*whole number"),
])
def test_parts_that_belong_together_and_seeds_are_asked_for_first(changes: dict, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f'(?s){words}.*Fix: '):
        SafeRunner.from_cfg(toy_config(tmp_path, **{**validation(), **changes}))


def test_a_file_in_place_of_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / 'run').write_text('')
    with pytest.raises(UserError, match=r'work_dir=.*run.* is a file.*Fix: --work-dir DIR'):
        SafeRunner.from_cfg(toy_config(tmp_path / 'run'))


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(save_best='xyz'), "save_best='xyz'.*more or less.*checkpoint.rule='greater'"),
    (dict(hooks=[dict(type=STOP, monitor='xyz')]), r"custom_hooks\[0\]\.monitor='xyz'.*rule of custom_hooks\[0\]"),
])
def test_scores_without_a_direction(changes: dict, words: str, tmp_path: Path) -> None:
    cfg = toy_config(tmp_path, custom_hooks=changes.get('hooks', []))
    cfg.default_hooks.checkpoint.save_best = changes.get('save_best')
    with pytest.raises(UserError, match=words):
        SafeRunner.from_cfg(cfg)
    cfg.default_hooks.checkpoint.update(save_best=['auto'])
    cfg.custom_hooks = []
    SafeRunner.from_cfg(cfg)


def test_without_workers_what_concerns_them_is_left_out(tmp_path: Path) -> None:
    data = dict(loader(), persistent_workers=True, prefetch_factor=2)
    assert train(tmp_path, train_dataloader=data).iter == 8


def test_norms_that_need_gpus_to_share_their_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.SyncBatchNorm(3))
    training_parts.check_trainable(model)
    monkeypatch.setattr(training_parts, 'get_world_size', lambda: 2)
    with pytest.raises(UserError, match=r'model\.1 \(SyncBatchNorm\) shares .* 2 processes.*Fix: norm_cfg'):
        training_parts.check_trainable(model)


def decode_head(**loss: Any) -> nn.Module:
    model = nn.Module()
    with DefaultScope.overwrite_default_scope('mmseg'):
        model.decode_head = MODELS.build(dict(
            type='mmseg.FCNHead', in_channels=4, channels=4, num_convs=1, num_classes=3, norm_cfg=dict(type='BN'),
            loss_decode=[dict(type='CrossEntropyLoss'), loss]))  # fmt: skip
    return model


def test_class_weights_of_a_wrong_length() -> None:
    for kind in ('CrossEntropyLoss', 'LovaszLoss', 'mmseg_plugins.WeightedCrossEntropyLoss'):
        options = dict(reduction='none') if kind == 'LovaszLoss' else {}
        with pytest.raises(UserError, match=rf'model\.decode_head\.loss_decode \({kind.split(".")[-1]}\): class_weight '
                                            r'has 2 values, but FCNHead gives 3 scores.*Fix: give 3 values'):
            check_class_weights(decode_head(type=kind, class_weight=[1.0, 2.0], **options))
        check_class_weights(decode_head(type=kind, class_weight=[1.0, 2.0, 3.0], **options))
    with pytest.raises(UserError, match='alpha has 2 values'):
        check_class_weights(decode_head(type='FocalLoss', alpha=[0.5, 0.5]))


def test_class_weights_of_a_box_head_have_one_for_the_background() -> None:
    model = nn.Module()
    with DefaultScope.overwrite_default_scope('mmdet'):
        model.bbox_head = MODELS.build(dict(
            type='mmdet.Shared2FCBBoxHead', in_channels=4, fc_out_channels=4, roi_feat_size=1, num_classes=3,
            loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, class_weight=[1.0] * 3)))  # fmt: skip
        with pytest.raises(UserError, match=r'has 3 values, but Shared2FCBBoxHead gives 4 scores.*background.*last'):
            check_class_weights(model)


def test_a_model_without_anything_to_train(tmp_path: Path) -> None:
    runner = SafeRunner.from_cfg(toy_config(tmp_path, train_dataloader=loader(dataset=dict(length=-1))))
    runner.model.requires_grad_(False)
    with pytest.raises(UserError, match=r'nothing to train: all 6 parameters of the model are frozen \(body, head\)'):
        runner.train()


@pytest.mark.parametrize('train_cfg', [EPOCHS, dict(by_epoch=False, max_iters=8)])
def test_a_loader_without_a_batch(train_cfg: dict, tmp_path: Path) -> None:
    data = loader(sampler='DefaultSampler', batch_size=20, drop_last=True)
    with pytest.raises(UserError, match='no batch at all: 12 images, batches of 20, drop_last=True'):
        train(tmp_path, train_cfg=train_cfg, train_dataloader=data, param_scheduler=None)


def pspnet(size: tuple[int, int] | None) -> nn.Module:
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(Config(dict(model=dict(
            type='EncoderDecoder', data_preprocessor=dict(type='SegDataPreProcessor', size=size),
            backbone=dict(type='ResNet', depth=18, base_channels=4, norm_cfg=dict(type='BN')),
            decode_head=dict(type='PSPHead', in_channels=32, channels=4, num_classes=3, norm_cfg=dict(type='BN'),
                             loss_decode=dict(type='CrossEntropyLoss')), test_cfg=dict(mode='whole')))).model)


@pytest.mark.parametrize('size', [None, (64, 96)])
def test_norms_of_a_single_value_are_named_and_others_are_not(size: tuple[int, int] | None) -> None:
    model = pspnet(size).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert single_value_norms(model) == ['decode_head.psp_modules.0.1.bn']
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    model.decode_head.psp_modules[0][1].bn.eval()
    model.decode_head.psp_modules[0] = nn.Identity()
    assert single_value_norms(model) == []


def segmentor_run(tmp_path: Path, batch_size: int, **data: Any) -> SafeRunner:
    runner = SafeRunner.from_cfg(toy_config(tmp_path, train_dataloader=loader(batch_size=batch_size, **data)))
    runner.model = pspnet((64, 96))
    return runner


def test_a_batch_of_one_and_a_last_batch_of_one_are_refused_where_a_head_pools(tmp_path: Path) -> None:
    words = r'model\.decode_head\.psp_modules\.0\.1\.bn \(\w*BatchNorm2d\) sees a single value'
    with pytest.raises(UserError, match=f'{words}.*batch_size=2'):
        segmentor_run(tmp_path, 1, dataset=dict(length=-1)).train()
    with pytest.raises(UserError, match=f'{words}.*the last of an epoch.*drop_last=True'):
        segmentor_run(tmp_path, 11, sampler='DefaultSampler').train()


def test_what_the_start_cannot_see_is_named_when_it_happens(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'model\.pooled\.bn \(BatchNorm1d\) sees a single value .*batch_size=2'):
        train(tmp_path, model=dict(type='ToyPooling'), train_dataloader=loader(batch_size=1))
    assert train(tmp_path / 'two', model=dict(type='ToyPooling')).iter == 8


@pytest.mark.parametrize('name', NAMES[::7])
def test_configs_of_ours_pass(name: str) -> None:
    check_config_of_training(loaded(name))
