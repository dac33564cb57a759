"""Mask R-CNN with each RoI operator, cut down: edge cases of the data, odd sizes, the paper's one-map form."""

from __future__ import annotations

import pytest
import torch
from tiny_models import CHANNELS, batch, build, check_training_step, losses_of, predictions_of, tiny_config
from torch import nn

from mmseg_plugins import ops
from mmseg_plugins.models.roi_heads import RoIOpExtractor

OPERATORS = dict(roipool=ops.RoIPool, roiwarp=ops.RoIWarp, prroi=ops.PrRoIPool, crop=ops.CropAndResize,
                 psroi=ops.PSRoIPool)
PAPER = ('roipool', 'roiwarp', 'roialign', 'prroi')
TINY = dict(
    neck__in_channels=CHANNELS,
    test_cfg__rcnn__score_thr=0.0,
    test_cfg__rcnn__max_per_img=5,
    train_cfg__rcnn__sampler__num=16,
    train_cfg__rpn_proposal__max_per_img=20,
    test_cfg__rpn__max_per_img=20)
ONE_MAP = dict(  # C4: 256 channels at stride 16, of a ResNet-18
    backbone__base_channels=64,
    rpn_head__in_channels=256,
    rpn_head__feat_channels=16,
    roi_head__shared_head__depth=18,
    roi_head__shared_head__style='pytorch',
    roi_head__shared_head__init_cfg=None,
    roi_head__bbox_roi_extractor__out_channels=256,
    roi_head__bbox_head__in_channels=512,
    roi_head__mask_head__in_channels=512,
    **{key: value for key, value in TINY.items() if key != 'neck__in_channels'})
CASES = {
    'objects in both images': [[[4, 4, 30, 40], [20, 20, 60, 60]], [[0, 0, 64, 64]]],
    'no ground truth': [[], []],
    'half-empty batch': [[[4, 4, 30, 40]], []],
    'one-pixel objects': [[[10, 10, 11, 11]], [[0, 0, 1, 1], [63, 63, 64, 64]]],
}


@pytest.fixture(scope='module')
def models() -> dict[str, nn.Module]:
    return {name: build(tiny_config(f'roi_ops/mask-rcnn_r18-{name}_1500it_shapes.py', **TINY)) for name in OPERATORS}


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('name', OPERATORS)
def test_training_step(models: dict[str, nn.Module], name: str, case: str) -> None:
    models[name].zero_grad(set_to_none=True)
    check_training_step(models[name], batch(CASES[case]))


@pytest.mark.parametrize('name', OPERATORS)
def test_masks_have_the_size_of_the_image_even_when_odd(models: dict[str, nn.Module], name: str) -> None:
    for result in predictions_of(models[name], batch([[], []], size=(53, 39))):
        assert len(result) > 0
        assert result.masks.shape == (len(result), 53, 39)
        assert result.scores.isfinite().all()


@pytest.mark.parametrize('name', OPERATORS)
def test_both_heads_read_the_operator_that_the_name_says(models: dict[str, nn.Module], name: str) -> None:
    head = models[name].roi_head
    for extractor, size in ((head.bbox_roi_extractor, 7), (head.mask_roi_extractor, 14)):
        assert isinstance(extractor, RoIOpExtractor)
        assert all(type(layer) is OPERATORS[name] for layer in extractor.roi_layers)
        assert extractor.roi_layers[0].output_size == (size, size)


def test_the_rungs_differ_by_the_operator_alone() -> None:
    """The RoIAlign rung has the losses of stock Mask R-CNN from the same weights; another operator has others."""
    data = batch(CASES['objects in both images'])

    def losses(name: str, **options: object) -> list[float]:
        model = build(tiny_config(f'roi_ops/mask-rcnn_r18-{name}_1500it_shapes.py', **TINY, **options))
        torch.manual_seed(1)
        return [float(loss.detach()) for loss in losses_of(model, data).values()]

    stock = {f'roi_head__{head}_roi_extractor__{key}': value for head in ('bbox', 'mask')
             for key, value in (('type', 'SingleRoIExtractor'), ('roi_layer__type', 'RoIAlign'))}
    assert losses('roialign') == pytest.approx(losses('roialign', **stock), rel=1e-5)
    assert losses('prroi') != pytest.approx(losses('roialign'), rel=1e-5)


@pytest.mark.parametrize('name', PAPER)
def test_one_map_of_the_paper(name: str) -> None:
    model = build(tiny_config(f'roi_ops/mask-rcnn_r50-{name}-c4_160k_coco.py', **ONE_MAP))
    check_training_step(model, batch(CASES['half-empty batch']))
    assert model.roi_head.bbox_roi_extractor.num_inputs == 1
    assert all(len(result) > 0 for result in predictions_of(model, batch([[], []])))
