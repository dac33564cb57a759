"""Batches of labeled and unlabeled images, and what of the training they are at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmengine.logging import MessageHub
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_plugins.utils.errors import UserError


class Parts(NamedTuple):
    """A batch taken apart; L, U, T images of 3 x H x W px.

    Attributes:
        labeled: (L, 3, H, W).
        samples: Of the labeled images.
        unlabeled: (U, 3, H, W).
        truth: Samples with the label maps that a discriminator sees as real: those of labeled images after the
            unlabeled ones, else those of ``samples``.
    """

    labeled: Tensor
    samples: list[SegDataSample]
    unlabeled: Tensor
    truth: list[SegDataSample]


def split_batch(inputs: Tensor, data_samples: Sequence[SegDataSample]) -> Parts:
    """Take a batch apart by whether its samples hold ``gt_sem_seg``.

    Raises:
        UserError: no labeled or no unlabeled image in it.
    """
    known = ['gt_sem_seg' in sample for sample in data_samples]
    if all(known) or not any(known):
        raise UserError(
            f'a batch of {len(known)} images, {sum(known)} of them labeled.',
            rule='a semi-supervised model takes batches with labeled and with unlabeled images.',
            fix="train_dataloader.dataset of type mmseg_plugins.LabelShare and batch_sampler "
                'mmseg_plugins.PartsBatchSampler, as in configs/semi_supervised.')
    first = known.index(False)
    labeled = [index for index, has in enumerate(known) if has and index < first]
    later = [index for index, has in enumerate(known) if has and index > first]
    if not labeled:
        labeled, later = later, []
    samples = [data_samples[index] for index in labeled]
    unlabeled = torch.stack([inputs[index] for index, has in enumerate(known) if not has])
    return Parts(torch.stack([inputs[index] for index in labeled]), samples, unlabeled,
                 [data_samples[index] for index in later] or samples)


def label_maps(samples: Sequence[SegDataSample]) -> Tensor:
    """The label maps of samples of one size, (N, H, W)."""
    return torch.cat([sample.gt_sem_seg.data for sample in samples])


def iteration() -> int:
    """The iteration that is trained, from 0; 0 outside of a run."""
    return int(MessageHub.get_current_instance().get_info('iter', 0) or 0)

