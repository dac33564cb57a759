"""What hooks remember survives a kill; finished and stopped runs say so; other optimizers are not resumed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_toy import ToyMetric, toy_config, train, validation
from mmengine.hooks import EarlyStoppingHook, Hook
from mmengine.registry import HOOKS, METRICS

from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils.errors import UserError

SCORES = [0.5, 0.4, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5]  # of the validations after 2, 4, 6, ... iterations


@METRICS.register_module()
class ToyScores(ToyMetric):
    """A score for each iteration."""

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        from mmengine.logging import MessageHub

        return {'acc': SCORES[(MessageHub.get_current_instance().get_info('iter') + 1) // 2 - 1]}


@HOOKS.register_module()
class ToyCounter(Hook):
    """Counts training steps, as long as it remembers them."""

    steps = 0

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        return {'steps': self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state['steps']


def settings(stop: dict[str, Any] | None = None, interval: int = 2, **changes: Any) -> dict[str, Any]:
    """A run of 16 iterations that validates every second one."""
    cfg = toy_config('unused')
    checkpoint = dict(cfg.default_hooks.checkpoint, interval=interval, save_best='acc', rule='greater')
    hooks = [] if stop is None else [dict(type='EarlyStoppingHook', monitor='acc', rule='greater', **stop)]
    return {
        **validation(), 'val_evaluator': dict(type='ToyScores'), 'default_hooks': dict(
            cfg.default_hooks, checkpoint=checkpoint),
        'train_cfg': dict(by_epoch=False, max_iters=16, val_interval=2), 'custom_hooks': hooks, **changes}


def killed_at(iteration: int, tmp_path: Path, **changes: Any) -> None:
    """Train up to an iteration and leave no trace of the end but the checkpoints."""

    class Kill(Hook):
        priority = 'VERY_HIGH'

        def before_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
            if runner.iter == iteration:
                raise KeyboardInterrupt

    runner = SafeRunner.from_cfg(toy_config(tmp_path, **changes))
    runner.register_hook(Kill())
    with pytest.raises(KeyboardInterrupt):
        runner.train()


def stopping(runner: SafeRunner) -> EarlyStoppingHook:
    return next(hook for hook in runner.hooks if isinstance(hook, EarlyStoppingHook))


@pytest.mark.parametrize('interval', [2, 4, 5])
def test_early_stopping_counts_on_after_a_kill(interval: int, tmp_path: Path) -> None:
    changes = settings(dict(patience=3), interval)
    whole = train(tmp_path / 'whole', **changes)
    assert whole.iter == 12  # three after the best, at 6
    killed_at(9, tmp_path / 'killed', **changes)
    resumed = train(tmp_path / 'killed', **changes)
    assert resumed.iter == 12
    assert vars(stopping(resumed)) == vars(stopping(whole))
    weights = [runner.model.state_dict() for runner in (whole, resumed)]
    assert all(torch.equal(weights[0][name], value) for name, value in weights[1].items())


@pytest.mark.parametrize('interval', [2, 5])
def test_the_same_command_on_a_stopped_run_says_that_it_is_complete(
    interval: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changes = settings(dict(patience=3), interval)
    train(tmp_path, **changes)
    runner = SafeRunner.from_cfg(toy_config(tmp_path, **changes))
    runner.logger.setLevel(logging.INFO)
    runner.logger.addHandler(caplog.handler)
    runner.train()
    assert runner.iter == 12
    assert 'already complete: it was stopped early after iteration 12' in caplog.text
    assert train(tmp_path, **settings(dict(patience=4), interval)).iter == 14
    assert train(tmp_path, **settings(None, interval)).iter == 16


def test_the_same_command_on_stopped_epochs_says_that_it_is_complete(tmp_path: Path) -> None:
    data = dict(toy_config('unused').train_dataloader, sampler=dict(type='DefaultSampler', shuffle=True), batch_size=6)
    changes = settings(dict(patience=2), train_dataloader=data, param_scheduler=None)  # an epoch has two iterations
    changes['train_cfg'] = dict(by_epoch=True, max_epochs=8, val_interval=1)
    changes['default_hooks']['checkpoint'].update(by_epoch=True, interval=3)
    assert train(tmp_path, **changes).epoch == 5  # the best is the third
    again = train(tmp_path, **changes)
    assert (again.epoch, again.iter) == (5, 10)
    assert (tmp_path / 'epoch_5.pth').is_file()


def test_the_best_score_survives_a_kill(tmp_path: Path) -> None:
    killed_at(9, tmp_path, **settings())
    assert [path.name for path in tmp_path.glob('best_*')] == ['best_acc_iter_6.pth']
    runner = train(tmp_path, **settings())
    assert [path.name for path in tmp_path.glob('best_*')] == ['best_acc_iter_6.pth']
    assert runner.message_hub.get_info('best_score') == 0.6


def test_averaged_weights_survive_a_kill(tmp_path: Path) -> None:
    ema = [dict(type='EMAHook', momentum=0.2)]
    changes = settings(custom_hooks=ema)
    whole = train(tmp_path / 'whole', **changes)
    killed_at(9, tmp_path / 'killed', **changes)
    resumed = train(tmp_path / 'killed', **changes)
    files = [load_checkpoint_file(str(tmp_path / name / 'iter_16.pth')) for name in ('whole', 'killed')]
    for part in ('state_dict', 'ema_state_dict'):
        assert all(torch.equal(files[0][part][name], value) for name, value in files[1][part].items()), part
    assert resumed.iter == whole.iter
    with pytest.raises(UserError, match=r'averaged weights of EMAHook.*has no EMAHook.*put EMAHook back'):
        train(tmp_path / 'killed', **settings())


def test_a_hook_of_any_package_takes_part(tmp_path: Path) -> None:
    changes = settings(custom_hooks=[dict(type='ToyCounter'), dict(type='ToyCounter')])
    killed_at(9, tmp_path, **changes)
    counters = [hook for hook in train(tmp_path, **changes).hooks if isinstance(hook, ToyCounter)]
    assert [counter.steps for counter in counters] == [16, 16]


def optimizer(kind: str = 'SGD', **options: Any) -> dict[str, Any]:
    return dict(optimizer=dict(type=kind, lr=0.01, **options))


TWO_GROUPS = dict(**optimizer(), paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=2.0)}))


@pytest.mark.parametrize(('first', 'second', 'words'), [
    (optimizer(momentum=0.9), optimizer('AdamW'), 'has the optimizer SGD; this config has AdamW'),
    (optimizer('Adam'), optimizer('AdamW'), 'has the optimizer Adam; this config has AdamW'),
    (optimizer(), TWO_GROUPS, r'parameter groups of \[6\] tensors; this config has of \[1, 1, 1, 1, 1, 1\]'),
])
def test_another_optimizer_in_the_working_folder_is_named_before_data_is_read(
    first: dict, second: dict, words: str, tmp_path: Path
) -> None:
    train(tmp_path, optim_wrapper=first, train_cfg=dict(by_epoch=False, max_iters=4))
    runner = SafeRunner.from_cfg(toy_config(tmp_path, optim_wrapper=second))
    runner._train_dataloader['dataset']['length'] = 'no data set may be built'
    with pytest.raises(UserError, match=rf'iter_4\.pth, .*{words}.*Fix: the old optim_wrapper .*--restart'):
        runner.train()
    assert train(tmp_path, optim_wrapper=second, resume=False).iter == 8


def test_checkpoints_without_the_optimizers_name_are_told_by_its_settings(tmp_path: Path) -> None:
    train(tmp_path, optim_wrapper=optimizer('AdamW'), train_cfg=dict(by_epoch=False, max_iters=4))
    path = tmp_path / 'iter_4.pth'
    content = load_checkpoint_file(str(path))
    del content['meta']['training_kinds']
    torch.save(content, path)
    with pytest.raises(UserError, match='has an optimizer without momentum, nesterov; this config has SGD'):
        train(tmp_path, optim_wrapper=optimizer(momentum=0.9))


def test_other_schedules_are_named(tmp_path: Path) -> None:
    train(tmp_path, train_cfg=dict(by_epoch=False, max_iters=4))
    words = r"schedules \['CosineAnnealingLR'\]; this config has \['LinearLR'\].*old param_scheduler"
    with pytest.raises(UserError, match=words):
        train(tmp_path, param_scheduler=[dict(type='LinearLR', by_epoch=False)])


@pytest.mark.parametrize('scheduled', [True, False])
def test_other_values_of_the_optimizer_are_the_configs(scheduled: bool, tmp_path: Path) -> None:
    schedule = dict(param_scheduler=toy_config('unused').param_scheduler if scheduled else None)
    train(tmp_path, **schedule, optim_wrapper=optimizer(weight_decay=0.1), train_cfg=dict(by_epoch=False, max_iters=4))
    changed = optimizer(weight_decay=0.2)
    changed['optimizer']['lr'] = 0.02
    runner = train(tmp_path, **schedule, optim_wrapper=changed)
    (group, ) = runner.optim_wrapper.param_groups
    assert group['weight_decay'] == 0.2
    fresh = train(tmp_path / 'fresh', **schedule, optim_wrapper=changed)
    assert group['lr'] == pytest.approx(fresh.optim_wrapper.param_groups[0]['lr'])
