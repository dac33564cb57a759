"""The hosts' models that need these operators train one step: DCNv2, Deformable DETR, CARAFE, PSANet.

They are the hosts' own configs with fewer layers and channels, on images of 64 and 96 pixels.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import mmdet
import mmseg
import pytest
import torch
from compiled_mmcv import COMPILED
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.registry import MODELS as MMSEG_MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import register_all_modules
from tiny_models import batch, build, check_training_step

SMALL = dict(base_channels=8, frozen_stages=-1, norm_eval=False, init_cfg=None)
HEADS = dict(
    rpn_head=dict(in_channels=8, feat_channels=8),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=8), mask_roi_extractor=dict(out_channels=8),
        bbox_head=dict(in_channels=8, fc_out_channels=16),
        mask_head=dict(in_channels=8, conv_out_channels=8, num_convs=1)))
ATTENTION = dict(embed_dims=16, num_heads=2)
DETR_LAYER = dict(self_attn_cfg=ATTENTION, ffn_cfg=dict(embed_dims=16, feedforward_channels=16))

DETECTORS: dict[str, tuple[str, dict[str, Any]]] = {
    'Mask R-CNN with DCNv2 stages': ('dcnv2/mask-rcnn_r50-mdconv-c3-c5_fpn_1x_coco.py', dict(
        neck=dict(in_channels=[32, 64, 128, 256], out_channels=8), **HEADS)),
    'Mask R-CNN with DCN stages': ('dcn/mask-rcnn_r50-dconv-c3-c5_fpn_1x_coco.py', dict(
        neck=dict(in_channels=[32, 64, 128, 256], out_channels=8), **HEADS)),
    'Mask R-CNN with FPN_CARAFE': ('carafe/mask-rcnn_r50_fpn-carafe_1x_coco.py', dict(
        neck=dict(in_channels=[32, 64, 128, 256], out_channels=8, upsample_cfg=dict(compressed_channels=4)), **HEADS)),
    'Deformable DETR': ('deformable_detr/deformable-detr_r50_16xb2-50e_coco.py', dict(
        num_queries=10, neck=dict(in_channels=[64, 128, 256], out_channels=16, norm_cfg=dict(num_groups=4)),
        encoder=dict(num_layers=1, layer_cfg=DETR_LAYER),
        decoder=dict(num_layers=1, layer_cfg=dict(cross_attn_cfg=ATTENTION, **DETR_LAYER)),
        positional_encoding=dict(num_feats=8), bbox_head=dict(embed_dims=16))),
}


# Compiled mmcv has no CPU code for CARAFE.
RUNNABLE = [name for name in DETECTORS if not (COMPILED and 'CARAFE' in name)]


def config_of(host: ModuleType, name: str) -> Config:
    return Config.fromfile(Path(str(host.__file__)).parent / '.mim' / 'configs' / name)


@pytest.mark.parametrize('name', RUNNABLE)
def test_detector_trains_one_step(name: str) -> None:
    path, changes = DETECTORS[name]
    config = config_of(mmdet, path)
    config.merge_from_dict({'model': dict(backbone=SMALL, **changes)})
    model = build(config)
    check_training_step(model, batch([[[4., 6, 40, 50]], [[10., 10, 30, 60], [30., 4, 60, 30]]], (96, 96)))


@pytest.mark.parametrize('kind', ['bi-direction', 'collect', 'distribute'])
def test_psanet_trains_one_step(kind: str) -> None:
    register_all_modules(init_default_scope=False)
    config = config_of(mmseg, '_base_/models/psanet_r50-d8.py')
    config.merge_from_dict({'model': dict(
        pretrained=None, backbone=dict(depth=18, base_channels=8, norm_cfg=dict(type='BN')),
        decode_head=dict(in_channels=64, channels=8, mask_size=(9, 9), num_classes=3, psa_type=kind,
                         norm_cfg=dict(type='BN')),
        auxiliary_head=dict(in_channels=32, channels=8, num_classes=3, norm_cfg=dict(type='BN')))})
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MMSEG_MODELS.build(config.model)
    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo=dict(img_shape=(64, 64), ori_shape=(64, 64)))
        sample.gt_sem_seg = PixelData(data=torch.randint(0, 3, (1, 64, 64)))
        samples.append(sample)
    losses = model.train().loss(torch.randn(2, 3, 64, 64), samples)
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
