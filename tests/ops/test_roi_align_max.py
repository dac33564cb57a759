"""RoIAlign with maxima: mmcv's rule, its -10000 for a bin without samples, gradients."""

from __future__ import annotations

import pytest
import torch
from slow_mmcv_ops import slow_roi_align_max
from slow_roi_ops import random_rois
from torch.autograd import gradcheck

from mmseg_plugins.ops import window_pool
from mmseg_plugins.ops.roi_align_max import roi_align_max


def ordered_rois(count: int) -> torch.Tensor:
    rois = random_rois(count, 2, 52, 40)
    rois[:, 1:] = torch.cat([rois[:, 1:].unflatten(1, (2, 2)).amin(1), rois[:, 1:].unflatten(1, (2, 2)).amax(1)], 1)
    return rois


@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('ratio', [0, 2])
def test_agrees_with_a_plain_loop(ratio: int, aligned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_pool, 'MAX_NUMBERS', 5000)  # in several runs
    feats, rois = torch.randn(2, 3, 10, 13, dtype=torch.float64), ordered_rois(14)
    torch.testing.assert_close(roi_align_max(feats, rois, (3, 2), 0.25, ratio, aligned),
                               slow_roi_align_max(feats, rois.double(), (3, 2), 0.25, ratio, aligned))


def test_a_point_has_no_samples_of_its_own_number() -> None:
    point = torch.tensor([[0, 8.0, 8, 8, 8]])
    assert roi_align_max(torch.ones(1, 1, 4, 4), point, 1, 0.25).item() == -10000
    assert roi_align_max(torch.ones(1, 1, 4, 4), point, 1, 0.25, sampling_ratio=1).item() == 1


def test_gradcheck() -> None:
    torch.manual_seed(0)
    values = torch.randperm(2 * 2 * 5 * 6).double().reshape(2, 2, 5, 6).requires_grad_()  # no ties
    rois = torch.tensor([[0, 1.0, 2, 17, 15], [1, 3, 0, 23, 19], [1, 5, 5, 5, 9]])
    assert gradcheck(lambda f: roi_align_max(f, rois, (3, 2), 0.25, 2), values)


def test_half_maps_are_sampled_in_single_precision() -> None:
    feats, rois = torch.randn(2, 3, 10, 13).half(), ordered_rois(8)
    pooled = roi_align_max(feats, rois, 3, 0.25)
    assert pooled.dtype == torch.float16
    assert torch.equal(pooled, roi_align_max(feats.float(), rois, 3, 0.25).half())


def test_a_negative_ratio_is_refused() -> None:
    with pytest.raises(ValueError, match='sampling_ratio=-1'):
        roi_align_max(torch.ones(1, 1, 4, 4), torch.zeros(1, 5), 1, 0.25, sampling_ratio=-1)
