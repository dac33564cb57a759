"""Two optimizers step after one backward pass, and a run that is killed goes on with both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn
from toy_runs import segmentor_config, write_toy_label_maps

from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.engine.optimizers import JointOptimWrapper, OptimizerPerPart
from mmseg_plugins.engine.runner.dry_run import dry_run
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils.errors import UserError

PER_PART = dict(
    constructor='mmseg_plugins.OptimizerPerPart',
    segmentor=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9), clip_grad=dict(max_norm=1.0)),
    discriminator=dict(optimizer=dict(type='Adam', lr=0.001)))
SCHEDULES = dict(segmentor=dict(type='PolyLR', power=0.9, by_epoch=False, end=4),
                 discriminator=dict(type='PolyLR', power=0.5, by_epoch=False, end=4))


def parts_of(model: nn.Module, **changes: Any) -> JointOptimWrapper:
    described = dict(PER_PART, **changes)
    described.pop('constructor')
    return OptimizerPerPart({key: value for key, value in described.items() if value})(model)


def net() -> nn.ModuleDict:
    torch.manual_seed(0)
    return nn.ModuleDict(dict(backbone=nn.Linear(3, 2), head=nn.Linear(2, 2), discriminator=nn.Linear(2, 1)))


def test_each_part_has_its_parameters_and_its_rates() -> None:
    model = net()
    wrapper = parts_of(model, segmentor=dict(
        optimizer=dict(type='SGD', lr=0.01), paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=10)})))
    held = {name: [len(group['params']) for group in one.optimizer.param_groups] for name, one in wrapper.items()}
    assert held == dict(segmentor=[1] * 4, discriminator=[2])
    assert wrapper.get_lr()['segmentor.lr'] == [0.01, 0.01, 0.1, 0.1]
    assert wrapper.get_lr()['discriminator.lr'] == [0.001]


def test_a_step_equals_two_separate_ones() -> None:
    one, two = net(), net()
    images = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))

    def losses(model: nn.ModuleDict) -> tuple[torch.Tensor, torch.Tensor]:
        out = model['head'](model['backbone'](images))
        return out.square().mean(), model['discriminator'](out.detach()).square().mean()

    joint = parts_of(one)
    alone = [OptimWrapper(torch.optim.SGD([*two['backbone'].parameters(), *two['head'].parameters()], 0.01, 0.9),
                          clip_grad=dict(max_norm=1.0)),
             OptimWrapper(torch.optim.Adam(two['discriminator'].parameters(), 0.001))]
    for _ in range(3):
        joint.update_params(sum(losses(one)))
        for wrapper, loss in zip(alone, losses(two), strict=True):
            wrapper.update_params(loss)
    assert all(torch.equal(*pair) for pair in zip(one.parameters(), two.parameters(), strict=True))


class AmpOnCpu(AmpOptimWrapper):
    """mmengine's wrapper of mixed precision, which it has on accelerators alone; the scaler is torch's for the CPU."""

    def __init__(self, **kwargs: Any) -> None:
        OptimWrapper.__init__(self, **kwargs)
        self.loss_scaler = torch.amp.GradScaler('cpu', init_scale=1024.0)
        self._scale_update_param = None


def test_mixed_precision_has_one_scaler_and_takes_the_same_steps() -> None:
    one, two = net(), net()

    def wrappers(model: nn.ModuleDict, kind: type) -> JointOptimWrapper:
        body = [*model['backbone'].parameters(), *model['head'].parameters()]
        return JointOptimWrapper(
            segmentor=kind(optimizer=torch.optim.SGD(body, 0.5), clip_grad=dict(max_norm=0.01)),
            discriminator=kind(optimizer=torch.optim.SGD(model['discriminator'].parameters(), 0.5)))

    plain, scaled = wrappers(one, OptimWrapper), wrappers(two, AmpOnCpu)
    assert scaled['segmentor'].loss_scaler is scaled['discriminator'].loss_scaler
    for _ in range(3):
        for model, wrapper in ((one, plain), (two, scaled)):
            wrapper.update_params(sum(weight.square().sum() for weight in model.parameters()))
    for pair in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(*pair)
    before = [weight.clone() for weight in two.parameters()]
    scaled.update_params(sum(weight.square().sum() for weight in two.parameters()) * float('inf'))
    assert scaled['segmentor'].loss_scaler.get_scale() == 512.0
    assert all(torch.equal(*pair) for pair in zip(before, two.parameters(), strict=True))


def test_gradients_are_added_up_over_iterations() -> None:
    model = net()
    wrapper = parts_of(model, segmentor=dict(optimizer=dict(type='SGD', lr=0.1), accumulative_counts=2),
                       discriminator=dict(optimizer=dict(type='SGD', lr=0.1), accumulative_counts=2))
    wrapper.initialize_count_status(model, 0, 4)
    before = model['discriminator'].weight.clone()
    wrapper.update_params(model['discriminator'].weight.sum())
    assert torch.equal(model['discriminator'].weight, before)
    wrapper.update_params(model['discriminator'].weight.sum())
    assert torch.allclose(model['discriminator'].weight, before - 0.1)


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(other=dict(optimizer=dict(type='SGD', lr=0.1))), 'one other that of the rest'),
    (dict(segmentor=None), 'one other that of the rest'),
    (dict(segmentor=dict(optimizer=dict(type='SGD', lr=0.1), accumulative_counts=2)), 'accumulative_counts is 2')])
def test_parts_that_do_not_fit_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        parts_of(net(), **changes)


def test_settings_next_to_the_parts_are_refused() -> None:
    with pytest.raises(UserError, match='each part has its own'):
        OptimizerPerPart(PER_PART, paramwise_cfg=dict(bias_decay_mult=0.0))


# --------------------------------------------------------------------------------------------------- whole runs
@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_label_maps(tmp_path_factory.mktemp('maps'))


def run_config(data: Path, work_dir: Path, model: dict[str, Any], **changes: Any) -> Config:
    """A tiny semi-supervised run of 2 iterations on four images, two of them labeled, without validation."""
    cfg = segmentor_config(data, work_dir)
    labeled = cfg.train_dataloader.dataset.to_dict()
    unlabeled = dict(labeled, data_prefix=dict(img_path='img_dir'))
    unlabeled['pipeline'] = [labeled['pipeline'][0], *labeled['pipeline'][2:]]
    loader = dict(
        batch_size=4, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
        batch_sampler=dict(type='mmseg_plugins.PartsBatchSampler', parts=[1, 1]),
        dataset=dict(type='mmseg_plugins.LabelShare', share=0.5, datasets=[labeled, unlabeled]))
    cfg.model.update(model)
    cfg.merge_from_dict(dict(
        runner_type='mmseg_plugins.SafeRunner', data_check=True, finite_loss=True, resume='auto', log_level='ERROR'))
    unused = {f'{split}_{what}': None for split in ('val', 'test') for what in ('dataloader', 'evaluator', 'cfg')}
    for key, value in dict(unused, train_dataloader=loader, **changes).items():
        cfg[key] = value
    return cfg


MODELS = {
    'adversarial': (dict(type='mmseg_plugins.AdvSemiSeg', semi_start=1, threshold=0.0, discriminator=dict(channels=2)),
                    dict(optim_wrapper=PER_PART, param_scheduler=SCHEDULES)),
    'generative': (dict(type='mmseg_plugins.GANSemiSeg', generator=dict(noise_channels=2, channels=16)),
                   dict(optim_wrapper=dict(constructor=PER_PART['constructor'], segmentor=PER_PART['segmentor'],
                                           generator=PER_PART['discriminator']),
                        param_scheduler=dict(segmentor=SCHEDULES['segmentor'], generator=[]))),
    'mean teacher': (dict(type='mmseg_plugins.MeanTeacher', threshold=0.3),
                     dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9)))),
}


@pytest.mark.parametrize('name', MODELS)
def test_a_run_that_was_killed_goes_on_to_the_same_end(name: str, data: Path, tmp_path: Path) -> None:
    model, training = MODELS[name]
    found = []
    for start in (None, str(tmp_path / 'run0' / 'iter_1.pth')):
        cfg = run_config(data, tmp_path / f'run{len(found)}', model, **training, load_from=start, resume=bool(start))
        cfg.experiment_name = f'{name.split()[0]}{len(found)}'
        SafeRunner.from_cfg(cfg).train()
        found.append(load_checkpoint_file(tmp_path / f'run{len(found)}' / 'iter_2.pth'))
    first = load_checkpoint_file(tmp_path / 'run0' / 'iter_1.pth')
    assert not torch.equal(first['state_dict']['decode_head.conv_seg.bias'],
                           found[0]['state_dict']['decode_head.conv_seg.bias'])
    for key in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_same(found[0].get(key), found[1].get(key), key)


def assert_same(one: Any, other: Any, where: str = '') -> None:
    """Equal to the last bit, in nested containers."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f'{where}.{key}')
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f'{where}[{index}]')
    else:
        assert one == other, where


def test_a_dry_run_passes(data: Path, tmp_path: Path) -> None:
    model, training = MODELS['adversarial']
    cfg = run_config(data, tmp_path / 'run', model, **training)
    dry_run(cfg)
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_use_for_unlabeled_images_is_refused(data: Path, tmp_path: Path) -> None:
    cfg = run_config(data, tmp_path / 'run', dict(type='EncoderDecoder'))
    with pytest.raises(UserError, match='EncoderDecoder learns from labeled images alone'):
        SafeRunner.from_cfg(cfg).train()


def test_training_images_without_labels_are_refused_elsewhere(data: Path, tmp_path: Path) -> None:
    cfg = run_config(data, tmp_path / 'run', dict(type='EncoderDecoder'))
    cfg.train_dataloader.dataset = cfg.train_dataloader.dataset.datasets[1]
    cfg.train_dataloader.pop('batch_sampler')
    with pytest.raises(UserError, match='train reads labels'):
        SafeRunner.from_cfg(cfg).train()
