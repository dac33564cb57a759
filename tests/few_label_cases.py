"""Tiny semi-supervised segmentors, and batches with labeled and unlabeled images of 64 x 64 px."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.logging import MessageHub
from mmengine.registry import MODELS
from semantic_batches import random_labels, semantic_batch
from torch import Tensor, nn

CLASSES = 3


def tiny(kind: str, **settings: Any) -> nn.Module:
    """A model of that type around a ResNet of two stages, without dropout."""
    torch.manual_seed(0)
    norm = dict(type='BN')
    head = dict(type='FCNHead', in_channels=16, channels=8, num_convs=1, num_classes=CLASSES, norm_cfg=norm,
                dropout_ratio=0.0, align_corners=True, loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True))
    preprocessor = dict(type='SegDataPreProcessor', mean=[127.0] * 3, std=[60.0] * 3, size=(64, 64), seg_pad_val=255)
    backbone = dict(type='ResNet', depth=18, base_channels=8, num_stages=2, strides=(1, 2), dilations=(1, 1),
                    out_indices=(1, ), norm_cfg=norm)
    return MODELS.build(dict(type=f'mmseg_plugins.{kind}', data_preprocessor=preprocessor, backbone=backbone,
                             test_cfg=ConfigDict(mode='whole'), **dict(decode_head=head) | settings))


def batch(labeled: int = 2, unlabeled: int = 2, truth: int = 0, void: float = 0.2) -> dict[str, Any]:
    """Raw input of a model: labeled images, unlabeled ones, and images of which only the maps count."""
    number = labeled + unlabeled + truth
    made = semantic_batch([random_labels((64, 64), CLASSES, void=void, seed=seed) for seed in range(number)])
    for sample in made['data_samples'][labeled:labeled + unlabeled]:
        del sample.gt_sem_seg
    return made


def prepared(model: nn.Module, **numbers: Any) -> tuple[Tensor, list]:
    """A batch as the model's ``loss`` gets it."""
    data = model.data_preprocessor(batch(**numbers), training=True)
    return data['inputs'], data['data_samples']


@contextmanager
def at_iteration(number: int) -> Iterator[None]:
    """As if a run was at this iteration."""
    hub = MessageHub.get_current_instance()
    before = hub.get_info('iter', 0)
    hub.update_info('iter', number)
    try:
        yield
    finally:
        hub.update_info('iter', before)
