"""Interrupted and resumed equals never interrupted, bit for bit on a CPU."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine_toy import ToyDataset, ToyMetric, loader, toy_config, train, validation
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.registry import DATA_SAMPLERS, HOOKS, RUNNERS
from mmengine.runner import Runner
from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.engine.runner.resumable_data import Positioned, ResumableIterator, SeededDataset, resumable_loader
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.rng import rng_state, set_rng_state


class Stop(Exception):
    """Ends a run as a kill would: nothing after it happens."""


@HOOKS.register_module()
class ToyInterrupt(Hook):
    """Raises after some iterations, after everything else of that iteration."""

    priority = 'LOWEST'

    def __init__(self, after: int) -> None:
        self.after = after

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        if runner.iter + 1 == self.after:
            raise Stop


@DATA_SAMPLERS.register_module()
class ToyShapeBatches(BatchSampler):
    """Groups samples of one width, with buckets that outlive an epoch, like mmdet's AspectRatioBatchSampler."""

    def __init__(self, sampler: Any, batch_size: int, drop_last: bool = False) -> None:
        super().__init__(sampler, batch_size, drop_last)
        self.buckets: dict[int, list[int]] = {}

    def __iter__(self) -> Iterable[list[int]]:  # type: ignore[override]
        for index in self.sampler:
            bucket = self.buckets.setdefault(self.sampler.dataset.get_data_info(index)['width'], [])
            bucket.append(index)
            if len(bucket) == self.batch_size:
                yield bucket[:]
                del bucket[:]


def assert_equal(a: Any, b: Any, where: str = '') -> None:
    """Equal to the last bit, in nested containers."""
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert list(a) == list(b), where
        for key in a:
            assert_equal(a[key], b[key], f'{where}.{key}')
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_equal(x, y, f'{where}[{i}]')
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, HistoryBuffer):
        np.testing.assert_array_equal(a.data[0], b.data[0], where)
    else:
        assert a == b, where


def training_state(path: Path) -> dict[str, Any]:
    """All of a checkpoint but its times and names."""
    state = load_checkpoint_file(path)
    hub = state['message_hub']
    scalars = {k: v for k, v in hub['log_scalars'].items() if 'time' not in k and 'memory' not in k}
    keep = {k: v for k, v in state.items() if k not in ('meta', 'message_hub')}
    return {**keep, 'scalars': scalars, 'iter': state['meta']['iter'], 'seed': state['meta']['seed']}


def interrupted(work_dir: Path, after: int, **changes: Any) -> SafeRunner:
    """Train, stop after some iterations, run the same command again."""
    hooks = [*changes.pop('custom_hooks', [])]
    with pytest.raises(Stop):
        train(work_dir, custom_hooks=[*hooks, dict(type='ToyInterrupt', after=after)], **changes)
    return train(work_dir, custom_hooks=hooks, **changes)


CASES: dict[str, dict[str, Any]] = {
    'workers0': {},
    'workers2': dict(train_dataloader=loader(2)),
    'finite_sampler_wraps': dict(train_dataloader=loader(0, 'DefaultSampler', batch_size=3)),
    'finite_sampler_wraps_workers2': dict(train_dataloader=loader(2, 'DefaultSampler', batch_size=3)),
    'shape_batches': dict(train_dataloader=loader(batch_sampler=dict(type='ToyShapeBatches'))),
    'ema': dict(custom_hooks=[dict(type='EMAHook')]),
    'momentum_and_two_schedules': dict(
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9), clip_grad=dict(max_norm=1.0)),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=5),
            dict(type='PolyLR', power=0.9, by_epoch=False, begin=5, end=8),
        ],
    ),
    'validation': dict(train_cfg=dict(by_epoch=False, max_iters=8, val_interval=2), **validation()),
    'no_seed_configured': dict(randomness=dict(seed=None)),
    'diff_rank_seed': dict(randomness=dict(seed=None, diff_rank_seed=True)),
}


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('after', [4, 6])
def test_8_iterations_equal_4_resume_4(case: str, after: int, tmp_path: Path) -> None:
    """After 6 means: two iterations since the checkpoint are lost and done again."""
    resumed = interrupted(tmp_path / 'b', after, **CASES[case])
    seed = resumed.seed
    changes = {**CASES[case]}
    if 'randomness' in changes:
        changes['randomness'] = dict(changes['randomness'], seed=seed)
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    whole = train(tmp_path / 'a', **changes)
    assert whole.iter == resumed.iter == 8
    assert_equal(training_state(tmp_path / 'a' / 'iter_8.pth'), training_state(tmp_path / 'b' / 'iter_8.pth'))


def test_raising_max_iters_is_a_resume_too(tmp_path: Path) -> None:
    train(tmp_path / 'a')
    train(tmp_path / 'b', train_cfg=dict(by_epoch=False, max_iters=4))
    train(tmp_path / 'b')
    assert_equal(training_state(tmp_path / 'a' / 'iter_8.pth'), training_state(tmp_path / 'b' / 'iter_8.pth'))


def test_worker_count_and_interruption_change_nothing(tmp_path: Path) -> None:
    train(tmp_path / 'a', train_dataloader=loader(0))
    train(tmp_path / 'b', train_cfg=dict(by_epoch=False, max_iters=4), train_dataloader=loader(2))
    train(tmp_path / 'b', train_dataloader=loader(1))
    assert_equal(training_state(tmp_path / 'a' / 'iter_8.pth'), training_state(tmp_path / 'b' / 'iter_8.pth'))


def test_stock_runner_is_not_bit_equal(tmp_path: Path) -> None:
    """What the tests above guard: without restored generators the resumed run differs."""

    def without_rng(work_dir: Path, **changes: Any) -> SafeRunner:
        runner = SafeRunner.from_cfg(toy_config(work_dir, **changes))
        runner.take_resumed_rng = lambda: None  # type: ignore[method-assign]
        runner.train()
        return runner

    without_rng(tmp_path / 'a')
    without_rng(tmp_path / 'b', train_cfg=dict(by_epoch=False, max_iters=4))
    without_rng(tmp_path / 'b')
    with pytest.raises(AssertionError):
        assert_equal(training_state(tmp_path / 'a' / 'iter_8.pth'), training_state(tmp_path / 'b' / 'iter_8.pth'))


EPOCHS = dict(
    train_cfg=dict(by_epoch=True, max_epochs=4, val_interval=1),
    train_dataloader=loader(0, 'DefaultSampler', batch_size=4),
    param_scheduler=[dict(type='MultiStepLR', milestones=[2, 3], by_epoch=True)],
    log_processor=dict(by_epoch=True),
    **validation(),
)


def epoch_hooks(by_epoch: bool, interval: int) -> dict[str, Any]:
    return dict(
        checkpoint=dict(type='mmseg_plugins.SafeCheckpointHook', by_epoch=by_epoch, interval=interval),
        logger=dict(type='LoggerHook', interval=1),
    )


@pytest.mark.parametrize('workers', [0, 2])
def test_epochs_resume_at_an_epoch_end(workers: int, tmp_path: Path) -> None:
    changes = dict(EPOCHS, default_hooks=epoch_hooks(True, 1))
    changes['train_dataloader'] = loader(workers, 'DefaultSampler', batch_size=4)
    interrupted(tmp_path / 'b', after=8, **changes)  # in the third epoch of three iterations each
    train(tmp_path / 'a', **changes)
    assert_equal(training_state(tmp_path / 'a' / 'epoch_4.pth'), training_state(tmp_path / 'b' / 'epoch_4.pth'))


def test_epochs_resume_in_the_middle_of_one(tmp_path: Path) -> None:
    changes = dict(EPOCHS, default_hooks=epoch_hooks(False, 4))
    interrupted(tmp_path / 'b', after=5, **changes)
    train(tmp_path / 'a', **changes)
    assert_equal(training_state(tmp_path / 'a' / 'iter_12.pth'), training_state(tmp_path / 'b' / 'iter_12.pth'))


def test_skipping_reads_no_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / 'b', train_cfg=dict(by_epoch=False, max_iters=4))
    read: list[int] = []
    original = ToyDataset.prepare_data
    monkeypatch.setattr(ToyDataset, 'prepare_data', lambda self, idx: (read.append(idx), original(self, idx))[1])
    train(tmp_path / 'b')
    assert len(read) == 4 * 2


@pytest.mark.parametrize('by_epoch', [False, True])
def test_a_validation_cut_off_is_made_up_for(by_epoch: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes: dict[str, Any] = dict(train_cfg=dict(by_epoch=False, max_iters=8, val_interval=4), **validation())
    if by_epoch:
        changes = dict(EPOCHS, default_hooks=epoch_hooks(True, 1))
    original = ToyMetric.compute_metrics
    monkeypatch.setattr(ToyMetric, 'compute_metrics', lambda *_: (_ for _ in ()).throw(Stop))
    with pytest.raises(Stop):
        train(tmp_path / 'a', **changes)
    calls = []
    monkeypatch.setattr(ToyMetric, 'compute_metrics', lambda self, r: (calls.append(0), original(self, r))[1])
    train(tmp_path / 'a', **changes)
    assert len(calls) == (4 if by_epoch else 2)


def test_a_validation_logs_its_scores_alone(tmp_path: Path) -> None:
    train(tmp_path, log_level='INFO', **validation(), train_cfg=dict(by_epoch=False, max_iters=4, val_interval=2))
    (log,) = tmp_path.glob('*/*.log')
    lines = [line for line in log.read_text().splitlines() if 'Iter(val)' in line and 'eta' not in line]
    assert len(lines) == 2
    assert not any('validat' in line for line in lines)


@pytest.mark.parametrize('by_epoch', [False, True])
def test_a_complete_run_says_so_and_ends(by_epoch: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    changes: dict[str, Any] = dict(EPOCHS, default_hooks=epoch_hooks(True, 1)) if by_epoch else {}
    first = train(tmp_path / 'a', **changes)
    weights = {k: v.clone() for k, v in first.model.state_dict().items()}
    runner = SafeRunner.from_cfg(toy_config(tmp_path / 'a', **changes))
    lines: list[str] = []
    runner.logger.info = lines.append  # type: ignore[method-assign]
    runner.train()
    assert_equal(dict(runner.model.state_dict()), weights)
    said = [line for line in lines if 'already complete' in line]
    assert len(said) == 1
    assert ('4 epochs' if by_epoch else '8 iterations') in said[0]


def test_stock_runner_reads_our_checkpoint_and_we_read_its(tmp_path: Path) -> None:
    train(tmp_path / 'ours')
    stock_hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=4))
    cfg = toy_config(tmp_path / 'ours', default_hooks=stock_hooks, resume=True)
    cfg.train_cfg.max_iters = 10
    cfg.pop('runner_type')
    stock = Runner.from_cfg(cfg)
    stock.train()
    assert stock.iter == 10
    cfg = toy_config(tmp_path / 'stock', default_hooks=stock_hooks, resume=False)
    cfg.train_cfg.max_iters = 4
    Runner.from_cfg(cfg).train()
    assert train(tmp_path / 'stock').iter == 8


def test_runner_type_builds_it_as_mmdet_does(tmp_path: Path) -> None:
    assert isinstance(RUNNERS.build(toy_config(tmp_path)), SafeRunner)


def test_generator_states_survive_a_round_trip(tmp_path: Path) -> None:
    random.gauss(0, 1)  # leaves a second value for later
    np.random.randn()
    torch.save(rng_state(), tmp_path / 's.pth')
    first = (random.random(), random.gauss(0, 1), np.random.randn(3).tolist(), torch.rand(3).tolist())
    set_rng_state(load_checkpoint_file(tmp_path / 's.pth'))
    assert (random.random(), random.gauss(0, 1), np.random.randn(3).tolist(), torch.rand(3).tolist()) == first


def test_two_ranks_draw_what_one_rank_draws_with_twice_the_batch() -> None:
    def positions(batch_size: int, rank: int, world: int) -> list[list[Positioned]]:
        indices = list(range(24))[rank::world]
        built = DataLoader(ToyDataset(24), batch_sampler=BatchSampler(indices, batch_size, False))  # type: ignore[arg-type]
        built = resumable_loader(built, 0, rank, world)
        return list(built.batch_sampler)  # type: ignore[arg-type]

    one = positions(4, 0, 1)
    two = [sorted(a + b) for a, b in zip(positions(2, 0, 2), positions(2, 1, 2), strict=True)]
    assert two == one


def test_the_wrapped_dataset_behaves_as_the_inner_one() -> None:
    inner = ToyDataset(5)
    wrapped = SeededDataset(inner, 0)
    wrapped.pipeline = 'new'
    assert inner.pipeline == 'new'
    assert wrapped.metainfo == inner.metainfo
    assert wrapped.unwrapped is inner
    assert not hasattr(wrapped, 'no_such_thing')
    with pytest.raises(AttributeError):
        wrapped.no_such_thing  # noqa: B018


def test_an_iterable_dataset_is_left_alone() -> None:
    class Stream(IterableDataset):
        def __iter__(self) -> Any:
            return iter(range(4))

    built = DataLoader(Stream(), batch_size=2)
    assert resumable_loader(built, 0) is built
    iterator = ResumableIterator(built)
    iterator.skip(1)
    assert next(iterator).tolist() == [2, 3]


def test_a_loader_without_batches_is_an_error_not_an_endless_loop() -> None:
    built = resumable_loader(DataLoader(ToyDataset(1), batch_size=2, drop_last=True), 0)
    with pytest.raises(UserError, match='no batch at all'):
        next(ResumableIterator(built))
