"""RoIAlign: mmcv's numbers, to the last option, and a gradient for the RoIs."""

from __future__ import annotations

import pytest
import torch
from mmcv.ops import roi_align as mmcv_roi_align
from slow_roi_ops import random_rois
from torch.autograd import gradcheck

from mmseg_plugins.ops import RoIAlign, roi_align


@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('samples', [0, 1, 2, 3])
@pytest.mark.parametrize(('size', 'scale'), [((7, 7), 1 / 4), ((3, 5), 1 / 8), ((1, 2), 1.0)])
def test_agrees_with_mmcv(aligned: bool, samples: int, size: tuple[int, int], scale: float) -> None:
    feats = torch.randn(2, 3, 12, 15, dtype=torch.float64, requires_grad=True)
    rois = random_rois(40, 2, 15 / scale, 12 / scale).double()
    rois = torch.cat([rois[:1], rois[2:]])  # mmcv refuses an RoI that is upside down
    top = torch.randn(39, 3, *size, dtype=torch.float64)
    ours = roi_align(feats, rois, size, scale, samples, aligned)
    theirs = mmcv_roi_align(feats, rois, size, scale, samples, 'avg', aligned)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, feats, top), torch.autograd.grad(theirs, feats, top))


@pytest.mark.parametrize('samples', [0, 2])
def test_gradcheck(samples: int) -> None:
    g = torch.Generator().manual_seed(1)
    feats = torch.randn(2, 2, 6, 7, generator=g, dtype=torch.float64, requires_grad=True)
    corners = torch.tensor([[2.3, 3.1, 17.7, 15.2], [1.9, 4.4, 13.3, 18.7], [-9.5, 1.3, 30.2, 9.9]]).double()
    image = torch.tensor([[0], [1], [1.]]).double()
    assert gradcheck(lambda f, c: roi_align(f, torch.cat([image, c], 1), (3, 4), 1 / 4, samples),
                     (feats, corners.requires_grad_()))


def test_whole_pixels_are_read_as_they_are() -> None:
    feats = torch.arange(9.).reshape(1, 1, 3, 3)
    assert roi_align(feats, torch.tensor([[0, 0, 0, 32, 32.]]), 2, 1 / 16, 1).flatten().tolist() == [0, 1, 3, 4]


def test_a_sample_on_the_limit_is_read_whatever_the_rounding() -> None:
    """The middle of 7 bins of the RoI -9 .. 5 lies at (-9 + 5) / 2 / 4 - 0.5 = -1: read, and moved onto pixel 0."""
    rois = torch.tensor([[0, -9., 0, 5, 4]])
    assert roi_align(torch.ones(1, 1, 4, 4), rois, (1, 7), 1 / 4, 1)[0, 0, 0].tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_an_inverted_roi_of_no_bin_is_zero() -> None:
    out = roi_align(torch.ones(1, 1, 5, 5), torch.tensor([[0, 12., 12, 4, 4]]), 2, 1 / 4)
    assert out.eq(0).all()


def test_module() -> None:
    feats, rois = torch.randn(1, 4, 9, 9), random_rois(5, 1, 36, 36)
    layer = RoIAlign((2, 3), 0.25, sampling_ratio=2, aligned=False)
    assert torch.equal(layer(feats, rois), roi_align(feats, rois, (2, 3), 0.25, 2, False))
    with pytest.raises(ValueError, match='sampling_ratio=-1, it must be at least 0'):
        RoIAlign(2, sampling_ratio=-1)(feats, rois)
