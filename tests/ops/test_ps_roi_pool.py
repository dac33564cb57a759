"""Position-sensitive RoI pooling against the originals' numbers, a slow transcription and its derivative."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from golden_cases import GoldenCase
from slow_roi_ops import random_rois, slow_ps_roi_pool
from torch import Tensor
from torch.autograd import gradcheck

from mmseg_plugins.ops import PSRoIPool, ps_roi_pool, ps_roi_pool_chunks, window_pool

BOX_MODES = {'A': 'inclusive', 'B': 'half_open'}


@pytest.mark.golden
def test_agrees_with_the_originals() -> None:
    case = GoldenCase('fcis_psroi')
    outputs = {}
    for config in case.facts['config']['configs']:
        tag = config['tag']
        for letter, box_mode in BOX_MODES.items():
            if f'{tag}_out_{letter}' not in case.arrays:
                continue
            has_grad = f'{tag}_feat_grad_{letter}' in case.arrays
            feats = case.arrays[f'{tag}_feat'].requires_grad_(has_grad)
            out = ps_roi_pool(feats, case.arrays[f'{tag}_rois'], config['pooled_size'], config['group_size'],
                              case.facts['config']['spatial_scale'], box_mode)
            outputs[f'{tag}_out_{letter}'] = out.detach()
            if has_grad:
                outputs[f'{tag}_feat_grad_{letter}'], = torch.autograd.grad(out, feats, case.arrays[f'{tag}_top_grad'])
    case.check(outputs)


def test_worked_example() -> None:
    """Values published with the rule: x = flat index mod 11."""
    feats = (torch.arange(8 * 6 * 7) % 11).float().reshape(1, 8, 6, 7)
    rois = torch.tensor([[0, 3, 5, 60, 70], [0, 0, 0, 15, 15], [0, 40, 40, 41, 95]]).float()
    out = ps_roi_pool(feats, rois, 4, 2, 1 / 16)
    assert out.sum().item() == pytest.approx(481.0)
    assert out[0, 0].tolist() == [[4, 4.5, 3.5, 4], [5.5, 6, 5, 5.5], [5.75, 3.5, 8, 5.75], [4.5, 5, 4, 4.5]]
    assert out[1, 1].tolist() == [[3, 3, 1, 1]] * 2 + [[10, 10, 8, 8]] * 2
    assert out[2, 0].tolist() == [[3, 3, 6.5, 6.5], [4.5, 4.5, 8, 8], [2, 2, 5.5, 5.5], [0, 0, 9, 9]]


@pytest.mark.parametrize('box_mode', BOX_MODES.values())
@pytest.mark.parametrize(('group', 'size', 'scale'), [(7, (21, 21), Fraction(1, 16)), (1, (5, 3), Fraction(1, 4)),
                                                      (3, (7, 2), Fraction(1, 12)), (2, (4, 9), Fraction(1))])
def test_agrees_with_a_plain_loop(box_mode: str, group: int, size: tuple[int, int], scale: Fraction) -> None:
    """Also for RoIs outside the map, inverted, of no size, and for outputs that are no multiple of the group."""
    g = torch.Generator().manual_seed(3)
    feats = torch.randn(2, 3 * group**2, 10, 13, generator=g, dtype=torch.float64)
    rois = random_rois(24, 2, 13 / float(scale), 10 / float(scale))
    rois[12:, 1:] = rois[12:, 1:].round()  # whole pixels: bin edges on pixel borders, halves of the stride
    out = ps_roi_pool(feats, rois, size, group, float(scale), box_mode)
    torch.testing.assert_close(out, slow_ps_roi_pool(feats, rois, size, group, scale, box_mode))


@pytest.mark.parametrize('box_mode', BOX_MODES.values())
def test_gradcheck(box_mode: str) -> None:
    g = torch.Generator().manual_seed(4)
    feats = torch.randn(2, 8, 5, 6, generator=g, dtype=torch.float64, requires_grad=True)
    rois = random_rois(6, 2, 24, 20)
    assert gradcheck(lambda f: ps_roi_pool(f, rois, (3, 4), 2, 1 / 4, box_mode), feats)


def test_rois_get_no_gradient() -> None:
    rois = random_rois(4, 1, 40, 40).requires_grad_()
    out = ps_roi_pool(torch.randn(1, 4, 10, 10, requires_grad=True), rois, 2, 2, 1 / 4)
    assert torch.autograd.grad(out.sum(), rois, allow_unused=True) == (None, )


def test_many_short_lists_equal_one_long_list() -> None:
    """Memory is bounded by listing the pixels in runs; values and gradients must not notice."""
    feats = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    rois = random_rois(9, 2, 36, 36)

    def both() -> tuple[Tensor, Tensor]:
        leaf = feats.clone().requires_grad_()
        out = ps_roi_pool(leaf, rois, 6, 2, 1 / 4)
        return out.detach(), torch.autograd.grad(out.square().sum(), leaf)[0]

    whole = both()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_pool, 'MAX_MEMBERS', 7)
        pieces = both()
    torch.testing.assert_close(pieces, whole)


def test_runs_hold_no_more_than_the_limit() -> None:
    """... plus one window, which is never cut."""
    g = torch.Generator().manual_seed(0)
    rows, cols = torch.randint(0, 4, (2, 50), generator=g)
    windows = window_pool.Windows(torch.zeros(50).long(), rows, cols, 4, int((rows * cols).sum()))
    for most in (None, 7):
        runs = window_pool.cut_into_runs(windows, 20, most)
        slices = [run.windows for run in runs]
        assert [one.start for one in slices[1:]] == [one.stop for one in slices[:-1]]
        assert (slices[0].start, slices[-1].stop) == (0, 50)
        assert [run.total for run in runs] == [int((rows[one] * cols[one]).sum()) for one in slices]
        assert len(runs) > 3
        assert max(run.total for run in runs) < 20 + 9
        assert most is None or max(one.stop - one.start for one in slices) == most


def test_chunks_are_the_whole() -> None:
    feats, rois = torch.randn(2, 18, 8, 8), random_rois(11, 2, 64, 64)
    pieces = list(ps_roi_pool_chunks(feats, rois, 6, 3, 1 / 8, chunk=4))
    assert [len(piece) for piece in pieces] == [4, 4, 3]
    torch.testing.assert_close(torch.cat(pieces), ps_roi_pool(feats, rois, 6, 3, 1 / 8))
    assert list(ps_roi_pool_chunks(feats, rois[:0], 6, 3, 1 / 8)) == []


def test_no_roi_gives_nothing_and_a_zero_gradient() -> None:
    feats = torch.randn(2, 18, 8, 8, requires_grad=True)
    out = ps_roi_pool(feats, torch.zeros(0, 5), 6, 3, 1 / 8)
    assert out.shape == (0, 2, 6, 6)
    out.sum().backward()
    assert feats.grad is not None
    assert feats.grad.eq(0).all()


def test_only_empty_windows() -> None:
    feats = torch.randn(1, 4, 5, 5, requires_grad=True)
    out = ps_roi_pool(feats, torch.tensor([[0, 900, 900, 950, 950.]]), 4, 2, 1 / 8)
    out.sum().backward()
    assert out.eq(0).all()
    assert feats.grad is not None
    assert feats.grad.eq(0).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_maps_are_averaged_in_float32(dtype: torch.dtype) -> None:
    feats = torch.randn(1, 8, 12, 12).to(dtype).requires_grad_()
    rois = random_rois(5, 1, 96, 96)
    out = ps_roi_pool(feats, rois, 4, 2, 1 / 8)
    assert out.dtype == dtype
    assert torch.equal(out, ps_roi_pool(feats.float(), rois, 4, 2, 1 / 8).to(dtype))
    out.float().sum().backward()
    assert feats.grad is not None
    assert feats.grad.dtype == dtype


def test_channels_last_maps_give_the_same() -> None:
    feats, rois = torch.randn(2, 8, 12, 10), random_rois(7, 2, 80, 96)
    torch.testing.assert_close(
        ps_roi_pool(feats.contiguous(memory_format=torch.channels_last), rois, 4, 2, 1 / 8),
        ps_roi_pool(feats, rois, 4, 2, 1 / 8), rtol=0, atol=0)


def test_module() -> None:
    feats, rois = torch.randn(1, 98, 9, 9), random_rois(5, 1, 144, 144)
    layer = PSRoIPool(output_size=21, group_size=7, spatial_scale=1 / 16, box_mode='half_open')
    assert torch.equal(layer(feats, rois), ps_roi_pool(feats, rois, 21, 7, 1 / 16, 'half_open'))
    assert layer.output_size == (21, 21)
    assert "box_mode='half_open'" in repr(layer)


@pytest.mark.parametrize(('change', 'message'), [
    (dict(group_size=4), 'feats has 18 channels, with group_size=4 it must be a multiple of 4 \\* 4 = 16'),
    (dict(box_mode='caffe'), "box_mode='caffe'. Rule: one of"),
    (dict(output_size=0), 'output_size=0, it must be a positive integer'),
    (dict(rois=torch.zeros(3, 4)), 'rois has shape \\(3, 4\\), it must be \\(N, 5\\)'),
    (dict(rois=torch.full((3, 5), 2.)), 'rois name images 2 to 2, feats holds 2'),
    (dict(spatial_scale=0.), 'spatial_scale=0.0, it must be above 0'),
    (dict(feats=torch.zeros(2, 18, 8)), 'it must be a floating \\(B, C, H, W\\)'),
])
def test_wrong_arguments_are_named(change: dict, message: str) -> None:
    good = dict(
        feats=torch.zeros(2, 18, 8, 8), rois=torch.zeros(3, 5), output_size=6, group_size=3, spatial_scale=1 / 8)
    with pytest.raises(ValueError, match=message):
        ps_roi_pool(**{**good, **change})


def test_the_former_argument_still_works_and_says_what_to_write() -> None:
    with pytest.warns(FutureWarning, match="write box_mode='half_open'"):
        layer = PSRoIPool(output_size=4, group_size=2, convention='chainercv')
    assert layer.box_mode == 'half_open'
