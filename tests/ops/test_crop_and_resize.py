"""Crop-and-resize: TensorFlow's grid."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from slow_roi_ops import random_rois, slow_crop_and_resize
from torch.autograd import gradcheck

from mmseg_plugins.ops import CropAndResize, crop_and_resize


@pytest.mark.parametrize('size', [(5, 7), (1, 4), (2, 1)])
def test_agrees_with_a_plain_loop(size: tuple[int, int]) -> None:
    feats = torch.randn(2, 3, 9, 12, dtype=torch.float64)
    rois = random_rois(16, 2, 48, 36)
    wanted = slow_crop_and_resize(feats, rois, size, 1 / 4)
    torch.testing.assert_close(crop_and_resize(feats, rois, size, 1 / 4), wanted)


def test_the_grid_touches_the_edges() -> None:
    feats = torch.arange(12.).reshape(1, 1, 1, 12)
    assert crop_and_resize(feats, torch.tensor([[0, 0, 0, 40, 0.]]), (1, 3), 1 / 8).flatten().tolist() == [0, 2.5, 5]


def test_the_whole_map_is_align_corners_resizing() -> None:
    feats = torch.randn(1, 3, 9, 12)
    whole = torch.tensor([[0, 0, 0, 11 * 8, 8 * 8.]])
    wanted = F.interpolate(feats, size=(41, 41), mode='bilinear', align_corners=True)
    torch.testing.assert_close(crop_and_resize(feats, whole, 41, 1 / 8), wanted)


def test_an_inverted_box_is_read_backwards() -> None:
    feats = torch.randn(1, 2, 6, 6)
    rois = torch.tensor([[0, 1, 2, 4, 5.], [0, 4, 5, 1, 2]])
    forward, backward = crop_and_resize(feats, rois, 4, 1.0)
    torch.testing.assert_close(forward, backward.flip(1, 2))


def test_outside_is_zero_up_to_the_last_centre() -> None:
    feats = torch.ones(1, 1, 4, 4)
    rois = torch.tensor([[0, 3, 3, 3, 3], [0, 3.01, 3, 3.01, 3], [0, -0.01, 0, -0.01, 0]])
    assert crop_and_resize(feats, rois, 2, 1.0).flatten(1).tolist() == [[1] * 4, [0] * 4, [0] * 4]


def test_gradcheck() -> None:
    g = torch.Generator().manual_seed(1)
    feats = torch.randn(2, 2, 6, 7, generator=g, dtype=torch.float64, requires_grad=True)
    corners = torch.tensor([[2.3, 3.1, 17.7, 15.2], [8.9, 4.4, 3.3, 18.7], [-9.5, 1.3, 30.2, 9.9]]).double()
    image = torch.tensor([[0], [1], [1.]]).double()  # no sample lies on a center: the surface has kinks there
    assert gradcheck(lambda f, c: crop_and_resize(f, torch.cat([image, c], 1), (3, 4), 1 / 4),
                     (feats, corners.requires_grad_()))


def test_module() -> None:
    feats, rois = torch.randn(1, 4, 9, 9), random_rois(5, 1, 36, 36)
    assert torch.equal(CropAndResize(41, 0.25)(feats, rois), crop_and_resize(feats, rois, 41, 0.25))
