"""RoI max pooling: mmcv's rule on the CPU."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from slow_roi_ops import random_rois, slow_roi_pool
from torch import Tensor
from torch.autograd import gradcheck

from mmseg_plugins.ops import RoIPool, roi_pool, window_pool
from mmseg_plugins.ops.roi_pool import roi_pool_places

# From mmcv's own test of its CUDA operator: maps, RoI, pooled 2 x 2 at scale 1, gradient of the sum.
PUBLISHED = [
    ([[[[1., 2], [3, 4]]]], [[0., 0, 0, 1, 1]], [[[[1., 2], [3, 4]]]], [[[[1., 1], [1, 1]]]]),
    ([[[[1., 2], [3, 4]], [[4, 3], [2, 1]]]], [[0., 0, 0, 1, 1]], [[[[1., 2], [3, 4]], [[4, 3], [2, 1]]]],
     [[[[1., 1], [1, 1]], [[1, 1], [1, 1]]]]),
    ([[[[1., 2, 5, 6], [3, 4, 7, 8], [9, 10, 13, 14], [11, 12, 15, 16]]]], [[0., 0, 0, 3, 3]], [[[[4., 8], [12, 16]]]],
     [[[[0., 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0], [0, 1, 0, 1]]]]),
]


@pytest.mark.parametrize(('feats', 'rois', 'pooled', 'grad'), PUBLISHED)
def test_published_vectors(feats: list, rois: list, pooled: list, grad: list) -> None:
    leaf = torch.tensor(feats, requires_grad=True)
    out = roi_pool(leaf, torch.tensor(rois), 2, 1.0)
    out.sum().backward()
    assert leaf.grad is not None
    assert out.tolist() == pooled
    assert leaf.grad.tolist() == grad


@pytest.mark.parametrize(('size', 'scale'), [((7, 7), Fraction(1, 16)), ((3, 5), Fraction(1, 4)),
                                             ((2, 2), Fraction(1, 12))])
def test_agrees_with_a_plain_loop(size: tuple[int, int], scale: Fraction) -> None:
    feats = torch.randn(2, 3, 10, 13, dtype=torch.float64)
    rois = random_rois(24, 2, 13 / float(scale), 10 / float(scale))
    rois[12:, 1:] = rois[12:, 1:].round()
    torch.testing.assert_close(roi_pool(feats, rois, size, float(scale)), slow_roi_pool(feats, rois, size, scale))


def test_a_point_is_one_image_pixel_and_less_is_nothing() -> None:
    feats = torch.arange(16.).reshape(1, 1, 4, 4) + 1
    rois = torch.tensor([[0, 9, 9, 9, 9], [0, 9, 9, 8, 12], [0, 9, 9, 5, 5.]])
    assert roi_pool(feats, rois, 1, 1 / 4).flatten().tolist() == [11, 0, 0]


def test_gradcheck() -> None:
    values = torch.randperm(2 * 2 * 5 * 6).double().reshape(2, 2, 5, 6).requires_grad_()  # no ties
    assert gradcheck(lambda f: roi_pool(f, random_rois(6, 2, 24, 20), (3, 4), 1 / 4), values)


def test_ties_give_their_gradient_to_the_first_pixel() -> None:
    feats = torch.ones(1, 1, 2, 2, requires_grad=True)
    roi_pool(feats, torch.tensor([[0, 0, 0, 1, 1.]]), 1, 1.0).sum().backward()
    assert feats.grad is not None
    assert feats.grad.flatten().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize('rois', [torch.zeros(0, 5), torch.tensor([[0, 900, 900, 950, 950.]])])
def test_nothing_under_the_bins(rois: Tensor) -> None:
    feats = torch.randn(1, 4, 5, 5, requires_grad=True)
    out = roi_pool(feats, rois, 3, 1 / 8)
    out.sum().backward()
    assert out.shape == (len(rois), 4, 3, 3)
    assert out.eq(0).all()
    assert feats.grad is not None
    assert feats.grad.eq(0).all()


def test_many_short_lists_equal_one_long_list(monkeypatch: pytest.MonkeyPatch) -> None:
    rois = random_rois(9, 2, 36, 36)

    def both() -> tuple[Tensor, Tensor]:
        feats = torch.arange(2 * 8 * 9 * 9.).reshape(2, 8, 9, 9).cos().requires_grad_()
        out = roi_pool(feats, rois, 6, 1 / 4)
        return out.detach(), torch.autograd.grad(out.square().sum(), feats)[0]

    whole = both()
    monkeypatch.setattr(window_pool, 'MAX_MEMBERS', 7)
    monkeypatch.setattr(window_pool, 'MAX_NUMBERS', 50)
    torch.testing.assert_close(both(), whole)


def test_module() -> None:
    feats, rois = torch.randn(1, 4, 9, 9), random_rois(5, 1, 36, 36)
    assert torch.equal(RoIPool((2, 3), 0.25)(feats, rois), roi_pool(feats, rois, (2, 3), 0.25))


def test_places_point_at_the_maxima() -> None:
    feats, rois = torch.randn(2, 3, 7, 9), random_rois(12, 2, 36, 28)
    pooled, place = roi_pool_places(feats, rois, (3, 2), 1 / 4)
    assert torch.equal(pooled, roi_pool(feats, rois, (3, 2), 1 / 4))
    filled = place >= 0
    at = feats[rois[:, 0].long()].flatten(2).gather(2, place.clamp_min(0).flatten(2)).view_as(pooled)
    assert torch.equal(at[filled], pooled[filled])
    assert 0 < int(filled.sum()) < filled.numel()
    assert pooled[~filled].abs().sum() == 0
