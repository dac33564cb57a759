"""SOLO's golden cases as heads with the original's weights, and batches of their ground truth."""

from __future__ import annotations

from functools import cache

import numpy as np
from golden_cases import GoldenCase, part
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from torch import Tensor, nn

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
    """The neck's maps, P2 and on."""
    arrays, levels = golden(case).arrays, len(golden(case).facts['config']['strides'])
    return tuple(arrays[f'p{i}'] for i in range(2, 2 + levels))


def unpack(bits: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """Masks stored as bits."""
    number, height, width = shape
    return np.unpackbits(bits.numpy(), axis=1)[:, :height * width].reshape(number, height, width)


def samples(case: str, gt_set: str) -> list[DetDataSample]:
    """The images with ground truth set a or b."""
    facts, arrays = golden(case).facts['config'], golden(case).arrays
    result = []
    for image in range(facts['batch']):
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
