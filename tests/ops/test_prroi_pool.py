"""Precise RoI pooling against exact integrals, published vectors, average pooling and finite differences."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from golden_cases import GoldenCase
from slow_roi_ops import random_rois, slow_prroi_pool
from torch import Tensor
from torch.autograd import gradcheck

from mmseg_plugins.ops import PrRoIPool, prroi_pool, window_pool


@pytest.mark.golden
@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
def test_agrees_with_the_closed_form(dtype: torch.dtype, tolerance: float) -> None:
    case = GoldenCase('prroi')
    case.tolerance = tolerance
    outputs = {}
    for tag in [name.removeprefix('out_') for name in case.arrays if name.startswith('out_')]:
        size = tuple(case.arrays[f'out_{tag}'].shape[-2:])
        feats, rois = (case.arrays[key].to(dtype).requires_grad_() for key in ('feat', 'rois'))
        out = prroi_pool(feats, rois, size, case.facts['config']['spatial_scale'])
        grads = torch.autograd.grad(out, (feats, rois), case.arrays[f'top_grad_{tag}'].to(dtype))
        outputs.update({f'out_{tag}': out.detach(), f'feat_grad_{tag}': grads[0], f'roi_grad_{tag}': grads[1]})
    case.check(outputs)


def test_published_vectors() -> None:
    """The vectors of mmcv's own test of its CUDA operator."""
    small = prroi_pool(torch.tensor([[[[1., 2], [3, 4]]]]), torch.tensor([[0, 0, 0, 1, 1.]]), 2, 1.0)
    assert small.flatten().tolist() == [1.75, 2.25, 2.75, 3.25]
    feats = torch.tensor([[[[1., 2, 5, 6], [3, 4, 7, 8], [9, 10, 13, 14], [11, 12, 15, 16]]]])
    rois = torch.tensor([[0, 0, 0, 3, 3.]], requires_grad=True)
    out = prroi_pool(feats, rois, 2, 1.0)
    torch.testing.assert_close(out.flatten(), torch.tensor([3.75, 6.916667, 10.083333, 13.25]))
    grad, = torch.autograd.grad(out.sum(), rois)
    torch.testing.assert_close(grad, torch.tensor([[0, 10 / 3, 20 / 3, 10 / 3, 20 / 3]]))


def test_bins_between_four_centres_are_average_pooling() -> None:
    """One bin a pixel pitch: the mean of the bilinear surface between four centers is the mean of the four.  The last
    row and column of bins reach outside, where the surface falls to 0."""
    feats = torch.randn(2, 3, 7, 7, dtype=torch.float64)
    out = prroi_pool(feats, torch.tensor([[0, 0, 0, 14, 14.], [1, 0, 0, 14, 14]]), 7, 0.5)
    average = F.avg_pool2d(F.pad(feats, (0, 1, 0, 1)), 2, stride=1)
    torch.testing.assert_close(out, average)


def test_a_flat_map_stays_flat_inside() -> None:
    rois = torch.tensor([[0, 1.3, 2.2, 6.1, 6.7], [0, 3, 3, 3.001, 3.001]])
    out = prroi_pool(torch.full((1, 1, 9, 9), 2.5), rois, (3, 4), 1.0)
    torch.testing.assert_close(out, torch.full_like(out, 2.5))


def test_agrees_with_a_plain_loop() -> None:
    feats = torch.randn(2, 3, 9, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rois = random_rois(16, 2, 48, 36).double()
    # Over 40 draws of the maps the largest difference was 2.3e-7; torch allows 1e-7 for float64 by itself.
    torch.testing.assert_close(prroi_pool(feats, rois, (3, 5), 1 / 4), slow_prroi_pool(feats, rois, (3, 5), 1 / 4),
                               rtol=1e-6, atol=1e-6)


def test_gradcheck() -> None:
    g = torch.Generator().manual_seed(1)
    feats = torch.randn(2, 2, 5, 6, generator=g, dtype=torch.float64, requires_grad=True)
    rois = random_rois(8, 2, 24, 20, seed=2).double()[2:].requires_grad_()  # without the point: a kink lies there
    assert gradcheck(lambda f, corners: prroi_pool(f, torch.cat([rois[:, :1].detach(), corners], 1), (2, 3), 1 / 4),
                     (feats, rois.detach()[:, 1:].requires_grad_()))


def test_many_short_lists_equal_one_long_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by runs; values and both gradients must not notice."""
    rois = random_rois(9, 2, 36, 36).double().requires_grad_()
    feats = torch.randn(2, 8, 9, 9, dtype=torch.float64, requires_grad=True)

    def all_three() -> tuple[Tensor, ...]:
        out = prroi_pool(feats, rois, 6, 1 / 4)
        return out.detach(), *torch.autograd.grad(out.square().sum(), (feats, rois))

    whole = all_three()
    monkeypatch.setattr(window_pool, 'MAX_MEMBERS', 7)
    monkeypatch.setattr(window_pool, 'MAX_NUMBERS', 50)
    torch.testing.assert_close(all_three(), whole)


def test_module() -> None:
    feats, rois = torch.randn(1, 4, 9, 9), random_rois(5, 1, 36, 36)
    layer = PrRoIPool(output_size=(2, 3), spatial_scale=0.25)
    assert torch.equal(layer(feats, rois), prroi_pool(feats, rois, (2, 3), 0.25))
