"""What every RoI operator promises: no loop over RoIs, bounded lists, autocast, one device's integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from slow_roi_ops import random_rois
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_plugins import ops
from mmseg_plugins.ops.roi_geometry import bin_edges, covering_spans, round_half_away

OPERATORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'ps_roi_pool': lambda feats, rois: ops.ps_roi_pool(feats, rois, 6, 2, 1 / 4),
    'prroi_pool': lambda feats, rois: ops.prroi_pool(feats, rois, 6, 1 / 4),
    'roi_align': lambda feats, rois: ops.roi_align(feats, rois, 6, 1 / 4),
    'roi_warp': lambda feats, rois: ops.roi_warp(feats, rois, 6, 1 / 4),
    'roi_pool': lambda feats, rois: ops.roi_pool(feats, rois, 6, 1 / 4),
    'crop_and_resize': lambda feats, rois: ops.crop_and_resize(feats, rois, 6, 1 / 4),
}


class CountCalls(TorchDispatchMode):
    """Counts the tensor operations that are run."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def count_calls(operator: Callable[[Tensor, Tensor], Tensor], rois: int, channels: int, size: int) -> int:
    feats = torch.randn(2, channels, size, size, requires_grad=True)
    boxes = random_rois(rois, 2, 4 * size, 4 * size).requires_grad_()
    with CountCalls() as counter:
        operator(feats, boxes).sum().backward()
    return counter.calls


@pytest.mark.parametrize('name', OPERATORS)
def test_no_loop_over_rois_channels_or_pixels(name: str) -> None:
    few = count_calls(OPERATORS[name], rois=4, channels=4, size=8)
    assert count_calls(OPERATORS[name], rois=70, channels=12, size=20) <= few + 5  # shapes decide on a copy or two


@pytest.mark.parametrize('name', OPERATORS)
def test_maps_of_the_batch_do_not_mix(name: str) -> None:
    feats, rois = torch.randn(3, 4, 9, 10), random_rois(15, 3, 40, 36)
    together = OPERATORS[name](feats, rois)
    for image in range(3):
        chosen = rois[:, 0] == image
        alone = torch.cat([torch.zeros(int(chosen.sum()), 1), rois[chosen, 1:]], 1)
        torch.testing.assert_close(together[chosen], OPERATORS[name](feats[image:image + 1], alone))


@pytest.mark.parametrize('name', OPERATORS)
def test_autocast_changes_nothing(name: str) -> None:
    """The operators are sums of a few pixels; under autocast float32 maps stay float32."""
    feats, rois = torch.randn(2, 4, 9, 10), random_rois(15, 2, 40, 36)
    wanted = OPERATORS[name](feats, rois)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(OPERATORS[name](feats, rois), wanted)


@pytest.mark.parametrize('name', OPERATORS)
def test_nonsense_coordinates_harm_no_other_roi(name: str) -> None:
    """RoIs of a diverged model: the others stay right, and the process stays alive."""
    feats, rois = torch.randn(2, 4, 9, 10), random_rois(6, 2, 40, 36)
    wanted = OPERATORS[name](feats, rois)
    bad = rois.clone()
    bad[2, 1], bad[3, 4], bad[4, 3] = float('nan'), float('inf'), 1e30
    kept = torch.tensor([0, 1, 5])
    torch.testing.assert_close(OPERATORS[name](feats, bad)[kept], wanted[kept])


def test_bin_edges_on_pixels_are_exact() -> None:
    """21 bins over 7, 14, ... pixels: every third edge is an integer, and no window gains a pixel from rounding."""
    start, size = torch.arange(40).double(), torch.arange(1, 41).double() * 7
    low, high = bin_edges(start, size, 21)
    spans = covering_spans(low, high, 10_000)
    exact_first = (3 * start[:, None] + torch.arange(1, 41)[:, None] * torch.arange(21)).long() // 3
    exact_end = -(-(3 * start[:, None] + torch.arange(1, 41)[:, None] * torch.arange(1, 22)).long() // 3)
    assert torch.equal(spans.first, exact_first)
    assert torch.equal(spans.first + spans.length, exact_end)


def test_halves_are_rounded_away_from_zero() -> None:
    x = torch.tensor([-2.5, -1.5, -0.5, -0.4, 0.4, 0.5, 1.5, 2.5, 2.6])
    assert round_half_away(x).tolist() == [-3, -2, -1, 0, 0, 1, 2, 3, 3]
