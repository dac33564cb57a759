"""RoI warping against the original's forward rule and its exact derivative."""

from __future__ import annotations

import pytest
import torch
from golden_cases import GoldenCase
from slow_roi_ops import random_rois
from torch.autograd import gradcheck

from mmseg_plugins.ops import RoIWarp, roi_warp


@pytest.mark.golden
@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
def test_agrees_with_the_original(dtype: torch.dtype, tolerance: float) -> None:
    case = GoldenCase('roiwarp')
    case.tolerance = tolerance
    feats, rois = (case.arrays[key].to(dtype).requires_grad_() for key in ('feat', 'rois'))
    config = case.facts['config']
    out = roi_warp(feats, rois, config['pooled'], config['spatial_scale'])
    grads = torch.autograd.grad(out, (feats, rois), case.arrays['top_grad'].to(dtype))
    factor = config['pooled_before_max'] // config['pooled']
    warped_then_pooled = RoIWarp(config['pooled'], config['spatial_scale'], max_pool=factor)(feats, rois)
    case.check(dict(out=out.detach(), out_max=warped_then_pooled.detach(), feat_grad=grads[0], roi_grad=grads[1]))


def test_samples_lie_at_the_corners_of_the_bins() -> None:
    feats = torch.arange(30.).reshape(1, 1, 5, 6)
    out = roi_warp(feats, torch.tensor([[0, 0, 0, 63, 63.]]), 2, 1 / 16)  # 63 / 16 rounds to 4
    assert out.flatten().tolist() == [0, 2, 12, 14]


def test_rounding_halves_go_away_from_zero() -> None:
    feats = torch.arange(6.).reshape(1, 1, 1, 6)
    rois = torch.tensor([[0, x, 0, x, 0] for x in (8., 24, 40, 56)])  # 0.5, 1.5, 2.5, 3.5 map pixels
    assert roi_warp(feats, rois, 1, 1 / 16).flatten().tolist() == [1, 2, 3, 4]


def test_gradcheck_of_the_map() -> None:
    feats = torch.randn(2, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    rois = random_rois(6, 2, 24, 20)
    assert gradcheck(lambda f: roi_warp(f, rois, (3, 4), 1 / 4), feats)


def test_corners_get_the_slope_of_the_surface() -> None:
    """On a ramp of slope 1, samples at (1 - p / 4) x1 + (p / 4) x2 give sum(1 - p / 4) / 4 and sum(p / 4) / 4."""
    feats = torch.arange(12.).expand(1, 1, 4, 12)
    rois = torch.tensor([[0, 4, 4, 21, 9.]], requires_grad=True)
    grad, = torch.autograd.grad(roi_warp(feats, rois, (1, 4), 1 / 4).sum(), rois)
    torch.testing.assert_close(grad, torch.tensor([[0, 2.5 / 4, 0, 1.5 / 4, 0]]))


@pytest.mark.parametrize('count', [0, 5])
def test_module_and_no_roi(count: int) -> None:
    feats, rois = torch.randn(1, 4, 9, 9, requires_grad=True), random_rois(5, 1, 36, 36)[:count]
    out = RoIWarp(output_size=3, spatial_scale=0.25, max_pool=2)(feats, rois)
    out.sum().backward()
    assert feats.grad is not None
    assert out.shape == (count, 4, 3, 3)


def test_a_maximum_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match='max_pool=0, it must be at least 1'):
        RoIWarp(7, max_pool=0)
