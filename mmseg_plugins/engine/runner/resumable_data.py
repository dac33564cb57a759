"""A training data loader whose k-th sample is the same in any process.

    batch sampler -> PositionedBatchSampler: attaches to each index the number of
                     the sample in the whole run; can pass over batches unread
    dataset       -> SeededDataset: seeds the random generators from that number
                     before the inner dataset's pipeline runs

Augmentation then depends neither on the number of workers nor on how often the
run was interrupted, and ``n`` processes with batch ``b`` draw what one process
with batch ``n * b`` draws.  The loader is built anew around the wrappers; hooks
that reach through it (mosaic switches, ``batch_sampler.sampler.set_epoch``) find
the data set and the sampler that mmengine built.

Out of reach: transforms that carry samples from one call to the next (mmdet's
``CachedMosaic``), and samplers that draw from the global generators.
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, IterableDataset

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.rng import seeded

_OWN = ('_inner', '_seed')
#: Arguments of a loader that the wrappers stand for.
_REPLACED = ('dataset', 'batch_size', 'shuffle', 'sampler', 'batch_sampler', 'drop_last', 'generator')


class Positioned(NamedTuple):
    """An index of the dataset and the number of the sample in the run, over all ranks."""

    index: Any
    position: int


class SeededDataset:
    """Seeds Python, numpy and torch per sample; everything else is the inner dataset's.

    Attributes are read from and written to the inner dataset, so
    ``loader.dataset.pipeline = ...`` does what it did.  :attr:`unwrapped` is the
    inner dataset itself.
    """

    # The default fetcher would hand a whole batch to the inner dataset's method.
    __getitems__ = None

    def __init__(self, inner: Any, seed: int) -> None:
        self._inner = inner
        self._seed = seed

    @property
    def unwrapped(self) -> Any:
        return self._inner

    def __getitem__(self, item: Any) -> Any:
        if not isinstance(item, Positioned):
            return self._inner[item]
        with seeded(self._seed, item.position):
            return self._inner[item.index]

    def __len__(self) -> int:
        return len(self._inner)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__') or name in _OWN:
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            super().__setattr__(name, value)
        else:
            setattr(self._inner, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._inner, self._seed)


class PositionedBatchSampler:
    """Numbers the samples of an inner batch sampler and can pass over batches.

    Args:
        inner: yields lists of indices.
        batch_size: samples per batch and rank, the stride of the numbering.
        rank, world_size: of this process in the job.

    Sample ``slot`` of batch ``n`` on rank ``r`` has the number
    ``(n * batch_size + slot) * world_size + r``: mmengine's samplers deal
    indices to ranks in just this order.
    """

    def __init__(self, inner: Any, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.inner = inner
        self.stride = batch_size
        self.rank = rank
        self.world_size = world_size
        self.next_batch = 0  # number, in the run, of the batch that comes next
        self.to_skip = 0  # batches still to pass over

    def __iter__(self) -> Iterator[list[Positioned]]:
        for batch in self.inner:
            number = self.next_batch
            self.next_batch += 1
            if self.to_skip > 0:
                self.to_skip -= 1
                continue
            first = number * self.stride
            yield [Positioned(i, (first + slot) * self.world_size + self.rank) for slot, i in enumerate(batch)]

    def __len__(self) -> int:
        return len(self.inner)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__') or name == 'inner':
            raise AttributeError(name)
        return getattr(self.inner, name)


def resumable_loader(loader: DataLoader, seed: int, rank: int = 0, world_size: int = 1) -> DataLoader:
    """A loader over the same data with the two wrappers in it; every other setting is that of ``loader``.

    Args:
        loader: as mmengine builds it, not yet iterated.
        seed: of the run, the same on all ranks.
        rank, world_size: of this process in the job.

    Returns:
        ``loader`` itself when it has no batches of indices (iterable datasets); see :func:`is_resumable`.
    """
    if is_resumable(loader) or loader.batch_sampler is None or isinstance(loader.dataset, IterableDataset):
        return loader
    size: Any = loader.batch_size or getattr(loader.batch_sampler, 'batch_size', 1)
    stride = size if isinstance(size, int) else max(size)
    # What this version of torch knows: in_order and others came late.
    kept = {name: getattr(loader, name) for name in signature(DataLoader).parameters
            if name not in _REPLACED and hasattr(loader, name)}
    return DataLoader(
        SeededDataset(loader.dataset, seed),  # type: ignore[arg-type]
        batch_sampler=PositionedBatchSampler(loader.batch_sampler, stride, rank, world_size),
        # Starting an iterator draws a number; without a generator of its own it would be the model's.
        generator=torch.Generator().manual_seed(seed),
        **kept)


def is_resumable(loader: DataLoader) -> bool:
    """Whether the samples of a loader are numbered, so that a resumed run sees the same ones."""
    return isinstance(loader.batch_sampler, PositionedBatchSampler)


def stop_workers(loader: DataLoader) -> None:
    """End persistent workers, which else keep their memory as long as the loader lives."""
    if getattr(loader, '_iterator', None) is not None:
        loader._iterator = None


class ResumableIterator:
    """Endless iteration over a loader that starts at any batch without reading the earlier ones."""

    def __init__(self, loader: DataLoader) -> None:
        self._loader = loader
        self._iterator: Iterator[Any] | None = None
        self._epoch = 0
        self._batches_at_start = 0

    def skip(self, batches: int) -> None:
        """Start after ``batches`` batches; to be called before the first ``next``."""
        sampler = self._loader.batch_sampler
        if isinstance(sampler, PositionedBatchSampler):
            sampler.to_skip += batches
        else:
            for _ in range(batches):
                next(self)

    def close(self) -> None:
        """Stop the workers; the loader can be iterated again."""
        self._iterator = None
        stop_workers(self._loader)

    def __iter__(self) -> ResumableIterator:
        return self

    def __next__(self) -> Any:
        if self._iterator is None:
            self._start()
        while True:
            try:
                assert self._iterator is not None
                return next(self._iterator)
            except StopIteration:
                self._next_epoch()

    def _start(self) -> None:
        self._batches_at_start = getattr(self._loader.batch_sampler, 'next_batch', -1)
        self._iterator = iter(self._loader)

    def _next_epoch(self) -> None:
        if getattr(self._loader.batch_sampler, 'next_batch', None) == self._batches_at_start:
            raise UserError(
                'the training data loader gives no batch at all.',
                fix='check that the dataset is not empty and that drop_last does not drop its only batch.',
            )
        self._epoch += 1
        sampler: Any = self._loader.sampler
        if not hasattr(sampler, 'set_epoch'):
            sampler = getattr(self._loader.batch_sampler, 'sampler', None)
        if hasattr(sampler, 'set_epoch'):
            sampler.set_epoch(self._epoch)
        self._start()
