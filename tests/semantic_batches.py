"""Batches for mmseg's segmentors, and a config's model ready to run."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor


def semantic_batch(labels: Sequence[Tensor], *, seed: int = 0) -> dict:
    """Raw model input: one random uint8 image (3, H, W) for each label map (H, W) of class numbers and 255."""
    generator = torch.Generator().manual_seed(seed)
    inputs, samples = [], []
    for index, label in enumerate(labels):
        size = tuple(label.shape)
        sample = SegDataSample(metainfo=dict(
            img_path=f'{index}.png', img_shape=size, ori_shape=size, pad_shape=size, scale_factor=(1.0, 1.0),
            flip=False))
        sample.gt_sem_seg = PixelData(data=label.long().unsqueeze(0))
        inputs.append(torch.randint(0, 256, (3, *size), generator=generator, dtype=torch.uint8))
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def random_labels(size: tuple[int, int], num_classes: int, *, void: float = 0.1, seed: int = 0) -> Tensor:
    """A label map (H, W) of blocks of 8 px with random classes; the share ``void`` of the pixels is 255."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    blocks = torch.randint(0, num_classes, (height // 8 + 1, width // 8 + 1), generator=generator)
    label = blocks.repeat_interleave(8, 0).repeat_interleave(8, 1)[:height, :width].clone()
    label[torch.rand(size, generator=generator) < void] = 255
    return label
