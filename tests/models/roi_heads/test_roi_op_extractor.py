"""RoIOpExtractor: any operator by config, mmdet's contract, where it departs from mmdet's extractor."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmcv.ops import RoIAlign
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from mmdet.registry import MODELS
from torch import Tensor, nn

from mmseg_plugins import ops
from mmseg_plugins.models.roi_heads import AllLevelRoIExtractor, RoIOpExtractor
from mmseg_plugins.models.roi_heads.roi_extractors.roi_layers import OWN

STRIDES = [4, 8, 16]
OPERATORS: dict[str, dict[str, Any]] = {
    'RoIAlign': dict(type='RoIAlign', sampling_ratio=2),
    'own RoIAlign': dict(type='mmseg_plugins.RoIAlign'),
    'RoIPool': dict(type='mmseg_plugins.RoIPool'),
    'RoIWarp': dict(type='mmseg_plugins.RoIWarp', max_pool=2),
    'PrRoIPool': dict(type='mmseg_plugins.PrRoIPool'),
    'CropAndResize': dict(type='mmseg_plugins.CropAndResize'),
    'PSRoIPool': dict(type='mmseg_plugins.PSRoIPool', group_size=2),
}
# Sides 4, 40, 110, 10, 250 and 0 px, and one upside down (which RoIAlign refuses).
ROIS = torch.tensor([[0, 3.5, 2, 7.5, 6], [1, 0, 0, 40, 40], [0, 10, 10, 120, 120], [1, 8, 8, 18, 18],
                     [1, -20, -20, 230, 230], [0, 10, 10, 10, 10], [1, 30, 40, 10, 20]])
LEVELS = [0, 1, 2, 0, 2, 0, 0]  # at finest_scale 20


def extractor(operator: str = 'RoIAlign', **kwargs: Any) -> RoIOpExtractor:
    options = dict(roi_layer=dict(OPERATORS[operator], output_size=3), out_channels=2, featmap_strides=STRIDES,
                   finest_scale=20)
    return MODELS.build(dict(type='mmseg_plugins.RoIOpExtractor', **{**options, **kwargs}))


def maps(channels: int = 2, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, channels, 128 // s, 128 // s).to(dtype).requires_grad_() for s in STRIDES]


def channels_of(operator: str) -> int:
    return 8 if operator == 'PSRoIPool' else 2


@pytest.mark.parametrize('operator', OPERATORS)
def test_each_roi_is_pooled_from_its_level(operator: str) -> None:
    feats, ours = maps(channels_of(operator)), extractor(operator)
    rois = ROIS[:6] if operator == 'RoIAlign' else ROIS
    out = ours(feats, rois)
    assert out.shape == (len(rois), 2, 3, 3)
    assert out.is_contiguous()
    for n, (roi, level) in enumerate(zip(rois, LEVELS, strict=False)):
        torch.testing.assert_close(out[n:n + 1], ours.roi_layers[level](feats[level], roi[None]))


@pytest.mark.parametrize('operator', OPERATORS)
def test_a_scoped_name_finds_the_registered_operator_and_a_bare_one_mmcv(operator: str) -> None:
    layer = extractor(operator).roi_layers[1]
    assert type(layer) is (RoIAlign if operator == 'RoIAlign' else getattr(ops, operator.split()[-1]))
    assert layer.spatial_scale == 1 / 8


def test_every_operator_of_the_package_is_registered() -> None:
    filters = {'ExactGaussian', 'PermutohedralLattice'}  # of the dense CRF: they read no RoIs
    modules = {name for name in ops.__all__ if isinstance(getattr(ops, name), type)} - filters
    assert {operator.__name__ for operator in OWN} == modules


def test_it_gives_what_mmdets_extractor_gives() -> None:
    stock = SingleRoIExtractor(
        roi_layer=dict(type='RoIAlign', output_size=3, sampling_ratio=2), out_channels=2, featmap_strides=STRIDES,
        finest_scale=20)
    rois = torch.cat([torch.randint(2, (60, 1)), torch.rand(60, 2) * 60, 60 + torch.rand(60, 2) * 90], 1)
    torch.testing.assert_close(extractor()(maps(), rois), stock(maps(), rois))
    torch.testing.assert_close(extractor()(maps(), rois, 1.5), stock(maps(), rois, 1.5))


@pytest.mark.parametrize('operator', OPERATORS)
@pytest.mark.parametrize('count', [0, 1])
def test_every_map_stays_in_the_graph(operator: str, count: int) -> None:
    """Without RoIs, or with RoIs on one level only: no map is without a gradient."""
    feats = maps(channels_of(operator))
    out = extractor(operator)(feats, ROIS[1:1 + count])
    assert out.shape == (count, 2, 3, 3)
    out.sum().backward()
    assert all(feat.grad is not None for feat in feats)
    assert [bool(feat.grad.any()) for feat in feats if feat.grad is not None] == [False, count == 1, False]


def test_an_operators_parameters_stay_in_the_graph() -> None:

    class Scaled(nn.Module):

        def __init__(self, spatial_scale: float) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))
            self.layer = RoIAlign(3, spatial_scale)
            self.output_size = (3, 3)

        def forward(self, feat: Tensor, rois: Tensor) -> Tensor:
            return self.layer(feat, rois) * self.scale

    ours = extractor(roi_layer=dict(type=Scaled))
    ours(maps(), ROIS[:1]).sum().backward()
    assert all(parameter.grad is not None for parameter in ours.parameters())


def test_an_infinity_that_no_roi_reads_stays_where_it_is() -> None:
    feats = maps()
    with torch.no_grad():
        feats[2][0, 0, 0, 0] = float('inf')
    assert extractor()(feats, ROIS[:2]).isfinite().all()


@pytest.mark.parametrize('strides', [[8], STRIDES])
def test_roi_scale_factor_counts_on_one_level_too(strides: list[int]) -> None:
    feats = maps()[1:2] if strides == [8] else maps()
    wide, narrow = torch.tensor([[0, 8., 8, 40, 40]]), torch.tensor([[0, 16., 16, 32, 32]])
    ours = extractor(featmap_strides=strides, finest_scale=1000)
    torch.testing.assert_close(ours(feats, narrow, roi_scale_factor=2.0), ours(feats, wide))


@pytest.mark.parametrize('operator', OPERATORS)
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_low_precision_maps_keep_exact_coordinates(operator: str, dtype: torch.dtype) -> None:
    feats = maps(channels_of(operator), dtype)
    rois = torch.tensor([[0, 16.3, 16.7, 49.9, 51.1], [1, 100.4, 3.3, 127.9, 30.7]])
    out = extractor(operator)(feats, rois)
    assert out.dtype == dtype
    wanted = extractor(operator)([feat.detach().float() for feat in feats], rois)
    torch.testing.assert_close(out, wanted.to(dtype), rtol=0, atol=0)
    out.float().sum().backward()
    assert all(feat.grad is not None and feat.grad.dtype == dtype for feat in feats)


def test_maps_after_the_last_stride_are_not_read() -> None:
    assert torch.equal(extractor()([*maps(), torch.randn(2, 2, 4, 4)], ROIS[:6]), extractor()(maps(), ROIS[:6]))


def test_all_levels_take_the_same_operators() -> None:
    layer = dict(type='mmseg_plugins.PrRoIPool', output_size=3)
    out = AllLevelRoIExtractor(roi_layer=layer, out_channels=2, featmap_strides=STRIDES)(maps(), ROIS)
    for level, stride in enumerate(STRIDES):
        torch.testing.assert_close(out[:, level], ops.prroi_pool(maps()[level], ROIS, 3, 1 / stride))


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"type='PrRoiPool' is no module of mmcv.ops; near: mmseg_plugins.PrRoIPool"):
        extractor(roi_layer=dict(type='PrRoiPool', output_size=3))
    with pytest.raises(ValueError, match=r"type='mmseg_plugins.RoiWarp' is no module of the registry; near: .*RoIWarp"):
        extractor(roi_layer=dict(type='mmseg_plugins.RoiWarp', output_size=3))
    with pytest.raises(ValueError, match=r'with PSRoIPool ask for maps of \[8, 8, 8\] channels, .* gives \[2, 2, 2\]'):
        extractor('PSRoIPool')(maps(), ROIS)
    with pytest.raises(ValueError, match='finest_scale=0'):
        extractor(finest_scale=0)
