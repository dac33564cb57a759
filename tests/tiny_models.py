"""Detectors of the configs cut down to run in a fraction of a second on 64-pixel images, and batches for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from torch import nn

from mmseg_plugins.config.load import load_config

CONFIGS = Path(__file__).parents[1] / 'configs'
CHANNELS = [8, 16, 32, 64]  # of a ResNet-18 with 8 base channels
BACKBONE = {'depth': 18, 'base_channels': 8, 'frozen_stages': -1, 'style': 'pytorch', 'init_cfg': None}


def tiny_config(name: str, **model_options: object) -> Config:
    """The config ``name`` below ``configs/`` with the smallest backbone; ``model_options`` use ``__`` for dots."""
    options = {f'model.backbone.{key}': value for key, value in BACKBONE.items()}
    options.update({'model.' + key.replace('__', '.'): value for key, value in model_options.items()})
    return load_config(CONFIGS / name, options)


def build(cfg: Config, seed: int = 0) -> nn.Module:
    """Build and initialise the config's model."""
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmdet')):
        model = MODELS.build(cfg.model)
    model.init_weights()
    return model


def batch(boxes_per_image: list[list[list[float]]], size: tuple[int, int] = (64, 64), seed: int = 0) -> dict:
    """Raw model input: random images (h, w) and one sample an image, whose objects are the filled boxes, label 0."""
    rng = np.random.RandomState(seed)
    height, width = size
    inputs, samples = [], []
    for index, boxes in enumerate(boxes_per_image):
        masks = np.zeros((len(boxes), height, width), np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
            mask[int(y1):int(np.ceil(y2)), int(x1):int(np.ceil(x2))] = 1
        sample = DetDataSample(metainfo=dict(
            img_id=index, img_path=f'{index}.png', img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0)))
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            labels=torch.zeros(len(boxes), dtype=torch.long),
            masks=BitmapMasks(masks, height, width))
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
        inputs.append(torch.from_numpy(rng.randint(0, 255, (3, height, width), dtype=np.uint8)))
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def losses_of(model: nn.Module, data: dict) -> dict[str, torch.Tensor]:
    """The losses (not the accuracies) of one training batch, one tensor a name."""
    model.train()
    data = model.data_preprocessor(data, True)
    losses = model.loss(data['inputs'], data['data_samples'])
    return {k: sum(v) if isinstance(v, (list, tuple)) else v for k, v in losses.items() if 'loss' in k}


def predictions_of(model: nn.Module, data: dict) -> list[InstanceData]:
    """The predicted instances of one batch."""
    model.eval()
    data = model.data_preprocessor(data, False)
    with torch.no_grad():
        return [sample.pred_instances for sample in model.predict(data['inputs'], data['data_samples'])]


def check_training_step(model: nn.Module, data: dict) -> None:
    """Losses are finite, and every trainable parameter is part of them (DDP needs no ``find_unused_parameters``)."""
    losses = losses_of(model, data)
    assert all(torch.isfinite(loss).all() for loss in losses.values()), losses
    sum(loss.sum() for loss in losses.values()).backward()
    lost = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not lost, lost
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
