"""SOLO's heads for tests: a small configuration of their own, fixed weights, maps and images of ellipses."""

from __future__ import annotations

import numpy as np
import torch
from golden_cases import golden_state_dict
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS
from mmseg_plugins.structures.masks import mask_boxes

KINDS = ('SOLOHead', 'DecoupledSOLOHead', 'DecoupledSOLOLightHead', 'SOLOV2Head')
CHANNELS = 16  # of the maps
SIZE = (64, 96)  # of the padded image
SHOWN = (60, 90)  # of it without the padding
ORIGINAL = (75, 112)


def head_config(kind: str, prefix: str = 'mmseg_plugins') -> dict:
    """A head on maps of 16 channels, strides 4 to 64; ``prefix='mmdet'`` names the stock one."""
    cfg = dict(
        type=f'{prefix}.{kind}',
        num_classes=4,
        in_channels=CHANNELS,
        feat_channels=32,
        stacked_convs=2,
        strides=[8, 8, 16, 32, 32],
        num_grids=[6, 5, 4, 3, 2],
        scale_ranges=[(1, 16), (8, 32), (16, 48), (32, 64), (48, 256)],
        loss_mask=dict(type='mmdet.DiceLoss', use_sigmoid=True, activate='Decoupled' not in kind, loss_weight=3.0),
        test_cfg=ConfigDict(
            nms_pre=80, score_thr=0.1, mask_thr=0.5, filter_thr=0.05, kernel='gaussian', sigma=2.0, max_per_img=20))
    if kind == 'SOLOV2Head':
        cfg['mask_feature_head'] = mask_feature_config()
    return cfg


def mask_feature_config(**options: object) -> ConfigDict:
    """Arguments of SOLOv2's mask feature branch."""
    return ConfigDict(dict(
        feat_channels=32, out_channels=32, start_level=0, end_level=3, norm_cfg=dict(type='GN', num_groups=32)),
        **options)


def build(kind: str, prefix: str = 'mmseg_plugins', **options: object) -> nn.Module:
    """The head as it is built: random weights."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        return MODELS.build(dict(head_config(kind, prefix), **options))


def fixed_head(kind: str, prefix: str = 'mmseg_plugins') -> nn.Module:
    """The head with weights that finds many objects in :func:`pyramid`."""
    head = build(kind, prefix)
    shapes = {name: list(value.shape) for name, value in head.state_dict().items()}
    head.load_state_dict(golden_state_dict(shapes, seed=1, gain=2.0))
    return head


def maps_of(height: int, width: int, images: int = 1) -> tuple[Tensor, ...]:
    """What a backbone and a pyramid give for images of this size."""
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.randn(images, CHANNELS, -(-height // s), -(-width // s), generator=generator) for s in (4, 8, 16, 32, 64))


def pyramid() -> tuple[Tensor, ...]:
    """Maps of the two images of :func:`samples`."""
    return maps_of(*SIZE, images=2)


def samples() -> list[DetDataSample]:
    """Two padded images with three and two objects."""
    result = random_samples(1, [3, 2], SIZE)
    for sample in result:
        sample.set_metainfo(dict(img_shape=SHOWN, ori_shape=ORIGINAL))
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
            bboxes=mask_boxes(torch.from_numpy(masks).bool()),
            labels=torch.from_numpy(rng.randint(0, num_classes, count)),
            masks=BitmapMasks(masks, height, width))
        result.append(sample)
    return result
