"""Panoptic maps of any system of the grid by a merge, and four levels on any of its backbones and necks."""

import pytest
import torch
from mixing_grid import BACKBONES, BATCHES, NECKS, Mix, combine
from mixing_systems import SYSTEMS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.structures import PixelData
from tiny_models import batch, build

from mmseg_plugins.apis.panoptic_merge import PanopticMerge
from mmseg_plugins.engine.checks.compatibility import check_model


def model_of(config):
    model = build(Config(dict(model=config, default_scope='mmdet')))
    check_model(model)
    return model.eval()


def merge_of(number):
    """The merge with a semantic model that says ground in the upper half, sky below, whatever the image."""
    merge = PanopticMerge(config='none.py', checkpoint='none.pth', things=[f'thing {k}' for k in range(number)],
                          stuff=('sky', ), score_thr=0.0, stuff_area_limit=1)
    labels = torch.zeros(1, 64, 64, dtype=torch.long)
    labels[:, 32:] = 1
    merge._predictor = lambda image: DetDataSample(pred_sem_seg=PixelData(sem_seg=labels))
    merge._targets = {1: number}
    return merge


@pytest.mark.parametrize('system', SYSTEMS)
def test_predictions_of_every_system_can_be_merged(system):
    model = model_of(combine(Mix('mmdet.ResNet', 'mmseg_plugins.PANetFPN', system)))
    data = batch(BATCHES['objects'])
    with torch.no_grad():
        samples = model.test_step(data)
    number = 2  # classes of the grid
    merge_of(number)(samples, [image.flip(0).float() for image in data['inputs']])
    for sample in samples:
        ids = sample.pred_panoptic_seg.sem_seg[0]
        free = ids < 1000
        assert ids.shape == (64, 64)
        assert bool((ids[32:][free[32:]] == number).all())
        assert bool((ids[:32][free[:32]] == number + 1).all())  # ground is no stuff: void
        order = sample.pred_instances.scores.argsort(descending=True, stable=True)
        best = next((k for k in order.tolist() if sample.pred_instances.masks[k].any()), None)
        if best is not None:
            mask = torch.as_tensor(sample.pred_instances.masks[best]).bool()
            assert bool((ids[mask] == 1000 + int(sample.pred_instances.labels[best])).all())


@pytest.mark.parametrize(('backbone', 'neck'), list(zip(BACKBONES, [*NECKS, *NECKS], strict=False)))
def test_four_levels_on_every_backbone_and_neck(backbone, neck):
    config = combine(Mix(backbone, neck, 'Mask2Former'))
    config.type = 'mmseg_plugins.FourLevelMask2Former'
    config.panoptic_fusion_head.type = 'mmseg_plugins.FourLevelFusionHead'
    config.test_cfg.update(panoptic_on=True, semantic_on=True, foreground_on=True)
    with torch.no_grad():
        sample = model_of(config).test_step(batch(BATCHES['objects']))[0]
    for kind in ('pred_panoptic_seg', 'pred_sem_seg', 'pred_foreground'):
        assert sample.get(kind).sem_seg.shape == (1, 64, 64)
    assert int(sample.pred_foreground.sem_seg.max()) <= 1
    assert len(sample.pred_instances) > 0
