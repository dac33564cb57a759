"""A non-finite loss stops at its step with names; an unknown type gets near matches; switches add hooks."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_toy import ToyModel, loader, toy_config, train
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, MODELS

from mmseg_plugins.config.build_errors import UnknownTypeError, explain_build_errors
from mmseg_plugins.engine.hooks.finite_loss_hook import FiniteLossHook
from mmseg_plugins.engine.runner.hook_switches import add_switch_hooks
from mmseg_plugins.engine.runner.outside_runs import hook_kind
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils.errors import UserError


@MODELS.register_module()
class ToyPoisoned(ToyModel):
    """One term of one step, counted from 1, becomes what it is told."""

    def __init__(self, at: int, term: str, value: float) -> None:
        super().__init__()
        self.at, self.term, self.value, self.step = at, term, value, 0

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'tensor') -> Any:
        result = super().forward(inputs, data_samples, mode)
        if mode == 'loss':
            self.step += 1
            if self.step == self.at:
                old = result[self.term]
                result[self.term] = [old[0], old[1] * self.value] if isinstance(old, list) else old * self.value
        return result


@pytest.mark.parametrize('at', [1, 3, 7])
@pytest.mark.parametrize(('term', 'named'), [('loss_fit', 'loss_fit='), ('loss_levels', r'loss_levels\[1\]=')])
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_it_stops_at_the_same_step_with_weights_untouched(
    at: int, term: str, named: str, value: float, tmp_path: Path
) -> None:
    model = dict(type='ToyPoisoned', at=at, term=term, value=value)
    runner = SafeRunner.from_cfg(toy_config(tmp_path, model=model, finite_loss=True))
    words = rf'(?s)iteration {at} .*{named}(nan|inf).*Learning rate lr .*still finite.*images/\d+\.png.*Fix'
    with pytest.raises(UserError, match=words):
        runner.train()
    assert runner.iter == at - 1
    assert all(torch.isfinite(p).all() for p in runner.model.parameters())


def test_without_the_hook_the_weights_are_poisoned(tmp_path: Path) -> None:
    runner = train(tmp_path, model=dict(type='ToyPoisoned', at=3, term='loss_fit', value=float('nan')))
    assert not all(torch.isfinite(p).all() for p in runner.model.parameters())


def test_the_images_named_are_those_of_the_batch(tmp_path: Path) -> None:
    data = loader(0, 'DefaultSampler', batch_size=3, dataset=dict(poison=(7,)))
    data['sampler']['shuffle'] = False
    with pytest.raises(UserError) as error:
        train(tmp_path, train_dataloader=data, finite_loss=dict(max_images=2))
    assert 'iteration 3 ' in str(error.value)
    assert 'images/6.png\n  images/7.png\n  and 1 more' in str(error.value)


def test_the_model_is_not_changed_and_the_check_is_taken_out_after_training(tmp_path: Path) -> None:
    seen: list[tuple[int, bool]] = []

    class Looking(Hook):
        def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
            seen.append((len(runner.model._forward_hooks), 'parse_losses' in vars(runner.model)))

    runner = SafeRunner.from_cfg(toy_config(tmp_path, finite_loss=True))
    runner.register_hook(Looking())
    runner.train()
    assert seen[0] == (1, False)
    assert not runner.model._forward_hooks
    assert any(isinstance(hook, FiniteLossHook) for hook in runner.hooks)


def test_a_copy_of_a_model_in_training_takes_no_runner_along(tmp_path: Path) -> None:
    runner = SafeRunner.from_cfg(toy_config(tmp_path))
    hook = FiniteLossHook()
    hook.before_train(runner)
    hook.before_train(runner)
    assert len(runner.model._forward_hooks) == 1
    before, = runner.model._forward_hooks.values()
    after, = deepcopy(runner.model)._forward_hooks.values()
    assert after is before
    hook.after_train(runner)
    assert not runner.model._forward_hooks


def test_a_bad_option_is_named() -> None:
    with pytest.raises(UserError, match='max_images=-1'):
        FiniteLossHook(max_images=-1)


def test_switches_add_hooks_once_with_options() -> None:
    cfg: dict[str, Any] = dict(
        data_check=False, finite_loss=dict(max_images=3), custom_hooks=[dict(type='mmseg_plugins.ProgressHook')]
    )
    add_switch_hooks(cfg)
    add_switch_hooks(cfg)
    names = [hook['type'].split('.')[1] for hook in cfg['custom_hooks']]
    assert names == ['ProgressHook', 'FiniteLossHook', 'PaddingCheckHook', 'RunReportHook']
    assert cfg['custom_hooks'][1]['max_images'] == 3


@pytest.mark.parametrize('listed', [
    'mmseg_plugins.FiniteLossHook', 'FiniteLossHook', 'mmseg_plugins.engine.hooks.FiniteLossHook', FiniteLossHook])
@pytest.mark.parametrize('place', ['custom_hooks', 'default_hooks'])
def test_a_listed_hook_is_not_added_again_however_its_type_is_written(listed: Any, place: str) -> None:
    hook = dict(type=listed)
    cfg: dict[str, Any] = {place: [hook] if place == 'custom_hooks' else dict(finite=hook)}
    add_switch_hooks(cfg)
    kinds = [hook_kind(hook) for hook in cfg['custom_hooks']]
    assert kinds.count('FiniteLossHook') == (place == 'custom_hooks')


def test_a_hook_object_is_not_added_again() -> None:
    cfg: dict[str, Any] = dict(custom_hooks=[FiniteLossHook()])
    add_switch_hooks(cfg)
    assert [hook_kind(hook) for hook in cfg['custom_hooks']].count('FiniteLossHook') == 1


def test_a_switch_of_another_type_is_an_error() -> None:
    with pytest.raises(UserError, match="data_check='no'"):
        add_switch_hooks(dict(data_check='no'))


def test_hooks_are_asked_before_anything_is_built(tmp_path: Path) -> None:
    runner = SafeRunner.from_cfg(toy_config(tmp_path))
    seen = []

    class Early:
        priority = 'NORMAL'

        def before_build(self, runner: Any, stage: str) -> None:
            seen.append((stage, isinstance(runner._train_loop, dict)))
            raise ValueError('stop here')

    runner.hooks.insert(0, Early())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='stop here'):
        runner.train()
    assert seen == [('train', True)]


@pytest.mark.parametrize(
    ('kind', 'words'),
    [
        ('FiniteLosHook', r'custom_hooks\[0\]\. .*Did you mean mmseg_plugins\.FiniteLossHook'),
        ('FiniteLossHook', r'Did you mean mmseg_plugins\.FiniteLossHook'),
        ('mmseg_plugin.FiniteLossHook', "no scope 'mmseg_plugin'; near: 'mmseg_plugins'"),
        ('mmseg_plugins.SafeCheckpointHok', r'Did you mean mmseg_plugins\.SafeCheckpointHook'),
        ('mmpretrain_x.SomeHook', "'mmpretrain_x' of this prefix is not installed"),
        ('SafeRunner', r'as mmseg_plugins\.SafeRunner of the runner registry'),
        ('Xyzzyxyzzy', 'Nothing similar is registered.*custom_imports'),
    ],
)
def test_an_unknown_type_gets_help(kind: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownTypeError) as error:
        SafeRunner.from_cfg(toy_config(tmp_path, custom_hooks=[dict(type=kind)]))
    with pytest.raises(AssertionError, match=f'(?s){words}'):
        raise AssertionError(str(error.value))


def test_other_key_errors_pass_unchanged() -> None:
    with pytest.raises(KeyError, match=r'^.other.$'), explain_build_errors():
        raise KeyError('other')


def test_our_hooks_are_found_by_their_prefix() -> None:
    assert HOOKS.get('mmseg_plugins.FiniteLossHook') is FiniteLossHook
