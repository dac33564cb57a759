"""Deformable RoI pooling: RoIAlign without offsets, moved bins with them, gradients."""

from __future__ import annotations

import pytest
import torch
from slow_roi_ops import random_rois
from torch.autograd import gradcheck

from mmseg_plugins.ops import deform_roi_pool, roi_align

FEATS = torch.randn(2, 3, 8, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
ROIS = random_rois(9, 2, 40, 32)[3:].double()


@pytest.mark.parametrize('ratio', [0, 2])
@pytest.mark.parametrize('offset', [None, torch.empty(0), torch.zeros(6, 2, 3, 2)])
def test_without_offsets_it_is_roi_align(offset: torch.Tensor | None, ratio: int) -> None:
    pooled = deform_roi_pool(FEATS, ROIS, offset, (3, 2), 0.25, ratio)
    torch.testing.assert_close(pooled, roi_align(FEATS, ROIS, (3, 2), 0.25, ratio))


def test_one_offset_for_all_bins_moves_the_roi() -> None:
    offset = torch.tensor([0.5, -1.0]).view(1, 2, 1, 1).expand(6, 2, 3, 2)
    width, height = ROIS[:, 3] - ROIS[:, 1], ROIS[:, 4] - ROIS[:, 2]
    shift = torch.stack([0 * width, 0.05 * width, -0.1 * height, 0.05 * width, -0.1 * height], 1)
    torch.testing.assert_close(deform_roi_pool(FEATS, ROIS, offset, (3, 2), 0.25, 2),
                               roi_align(FEATS, ROIS + shift, (3, 2), 0.25, 2))


def test_a_bin_moves_alone() -> None:
    offset = torch.zeros(6, 2, 3, 2)
    offset[:, 0, 1, 1] = 2
    moved, still = deform_roi_pool(FEATS, ROIS, offset, (3, 2), 0.25, 2), roi_align(FEATS, ROIS, (3, 2), 0.25, 2)
    same = ((moved - still).abs() < 1e-9).all(1).all(0)
    assert not same[1, 1]
    assert int(same.sum()) == 5


def test_gradcheck() -> None:
    offset = torch.randn(6, 2, 2, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert gradcheck(lambda f, o: deform_roi_pool(f, ROIS, o, 2, 0.25, 2),
                     (FEATS[:, :1].clone().requires_grad_(), offset.requires_grad_()))


def test_offsets_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r'offset has shape \(6, 2, 2, 3\), it must be \(6, 2, 3, 2\)'):
        deform_roi_pool(FEATS, ROIS, torch.zeros(6, 2, 2, 3), (3, 2), 0.25)
