"""Batches with a fixed number of images from each part of a concatenated data set."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from mmseg_plugins.registry import DATA_SAMPLERS
from mmseg_plugins.utils.errors import UserError


@DATA_SAMPLERS.register_module()
class PartsBatchSampler:
    """Endless batches whose images come from the parts of a ``ConcatDataset`` in fixed numbers and in their order.

    .. code-block:: python

        train_dataloader = dict(
            batch_size=8,
            sampler=dict(type='InfiniteSampler', shuffle=True),
            batch_sampler=dict(type='mmseg_plugins.PartsBatchSampler', parts=[1, 1]))  # 4 labeled, then 4 unlabeled

    Each part is shuffled on its own, with a seed of its own: two parts with the same images give different ones.
    Each process takes every n-th index, as mmengine's samplers do.  (mmdet's ``MultiSourceSampler`` shuffles parts of
    one size alike.)

    Args:
        sampler: mmengine's ``InfiniteSampler``, which brings the data set, the seed and the rank.
        batch_size: Of one process.
        parts: Proportions of the parts in a batch; their sum divides ``batch_size``.

    Raises:
        UserError: no concatenated data set, another number of parts, a batch size that does not fit.
    """

    drop_last = False

    def __init__(self, sampler: Any, batch_size: int, parts: Sequence[int]) -> None:
        sizes = [0, *getattr(sampler.dataset, 'cumulative_sizes', ())]
        if len(sizes) != len(parts) + 1 or min(parts, default=0) < 1:
            raise UserError(f'PartsBatchSampler: parts={list(parts)}, and the data set has {len(sizes) - 1} parts.',
                            rule='a number above 0 for each part of a concatenated data set.', fix='correct parts.')
        if batch_size % sum(parts):
            raise UserError(f'train_dataloader.batch_size={batch_size}, and PartsBatchSampler.parts={list(parts)}.',
                            rule=f'{sum(parts)}, the sum of parts, divides the batch size.',
                            fix=f'batch_size={max(batch_size // sum(parts), 1) * sum(parts)}.')
        self.sampler, self.batch_size = sampler, batch_size
        self.spans = list(itertools.pairwise(sizes))
        self.counts = [part * batch_size // sum(parts) for part in parts]

    def __iter__(self) -> Iterator[list[int]]:
        streams = [self._indices(number) for number in range(len(self.spans))]
        while True:
            yield [next(stream) for stream, count in zip(streams, self.counts, strict=True) for _ in range(count)]

    def __len__(self) -> int:
        return math.ceil(self.spans[-1][1] / self.batch_size)

    def _indices(self, number: int) -> Iterator[int]:
        """Indices of one part for this process."""
        start, end = self.spans[number]

        def endless() -> Iterator[int]:
            generator = torch.Generator().manual_seed((self.sampler.seed or 0) + number)
            while True:
                yield from torch.randperm(end - start, generator=generator).add(start).tolist()

        return itertools.islice(endless(), self.sampler.rank, None, self.sampler.world_size)
