"""SOLO's golden cases as heads with the original's weights, and batches of their ground truth."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from golden_cases import GoldenCase, part
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmseg_plugins.models.postprocess.solo_masks import tight_boxes
from mmseg_plugins.registry import MODELS
from mmseg_plugins.weights.solo import convert_solo

HEADS = {
    'solo_v1_head': 'SOLOHead',
    'solo_decoupled_head': 'DecoupledSOLOHead',
    'solo_decoupled_light_head': 'DecoupledSOLOLightHead',
    'solov2_head': 'SOLOV2Head',
}
golden = cache(GoldenCase)


def head_config(case: str, prefix: str = 'mmseg_plugins') -> dict:
    """The case's head as a config; ``prefix='mmdet'`` names the stock one."""
    facts = golden(case).facts['config']
    test = dict(facts['test'])
    test['filter_thr'] = test.pop('update_thr')
    cfg = dict(
        type=f'{prefix}.{HEADS[case]}',
        num_classes=facts['num_classes_with_background'] - 1,
        test_cfg=ConfigDict(test),
        loss_mask=dict(
            type='mmdet.DiceLoss', use_sigmoid=True, activate='Decoupled' not in HEADS[case], loss_weight=3.0))
    for name in ('in_channels', 'feat_channels', 'stacked_convs', 'strides', 'num_grids', 'scale_ranges', 'pos_scale',
                 'cls_down_index'):
        cfg[name] = facts[name]
    if case == 'solov2_head':
        features = dict(facts['mask_feature'], norm_cfg=dict(type='GN', num_groups=32))
        cfg['mask_feature_head'] = ConfigDict(features)
    return cfg


def golden_head(case: str, prefix: str = 'mmseg_plugins') -> nn.Module:
    """The head with the original's weights, through the strict converter."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        head = MODELS.build(head_config(case, prefix))
    head.load_state_dict(part(convert_solo(golden(case).weights), 'mask_head.'), strict=True)
    return head


def pyramid(case: str) -> tuple[Tensor, ...]:
    """P2..P6."""
    return tuple(golden(case).arrays[f'p{i}'] for i in range(2, 7))


def unpack(bits: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """Masks stored as bits."""
    number, height, width = shape
    return np.unpackbits(bits.numpy(), axis=1)[:, :height * width].reshape(number, height, width)


def samples(case: str, gt_set: str) -> list[DetDataSample]:
    """Both images with ground truth set a or b."""
    facts, arrays = golden(case).facts['config'], golden(case).arrays
    result = []
    for image in range(2):
        labels = arrays[f'gt_{gt_set}_labels_{image}']
        masks = unpack(arrays[f'gt_{gt_set}_mask_bits_{image}'], (len(labels), *facts['padded_image_size']))
        sample = DetDataSample(metainfo=dict(
            img_id=image, img_shape=tuple(facts['img_shape']), ori_shape=tuple(facts['ori_shape']),
            batch_input_shape=tuple(facts['padded_image_size'])))
        sample.gt_instances = InstanceData(
            bboxes=arrays[f'gt_{gt_set}_boxes_{image}'],
            labels=labels - 1,
            masks=BitmapMasks(masks, *facts['padded_image_size']))
        result.append(sample)
    return result


def random_samples(seed: int, counts: list[int], size: tuple[int, int], num_classes: int = 4,
                   largest: float = 0.7) -> list[DetDataSample]:
    """Images of random ellipses with their tight boxes; ``largest`` is the largest diameter over the smaller side."""
    rng = np.random.RandomState(seed)
    height, width = size
    ys, xs = np.mgrid[:height, :width]
    result = []
    for image, count in enumerate(counts):
        masks = np.zeros((count, height, width), np.uint8)
        for mask in masks:
            ry, rx = rng.uniform(1.5, largest * min(size) / 2, 2)
            mask[((ys - rng.uniform(0, height))/ry)**2 + ((xs - rng.uniform(0, width))/rx)**2 <= 1] = 1
        sample = DetDataSample(metainfo=dict(img_id=image, img_shape=size, ori_shape=size, batch_input_shape=size))
        sample.gt_instances = InstanceData(
            bboxes=tight_boxes(torch.from_numpy(masks).bool()),
            labels=torch.from_numpy(rng.randint(0, num_classes, count)),
            masks=BitmapMasks(masks, height, width))
        result.append(sample)
    return result
