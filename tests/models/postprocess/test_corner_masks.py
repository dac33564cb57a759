"""Pasting of masks whose points include the edges of the box."""

import math

import numpy as np
import pytest
import slow_masklab as slow
import torch
from mmdet.structures.mask import BitmapMasks

from mmseg_plugins.models.postprocess import paste_corner_masks
from mmseg_plugins.models.task_modules import corner_mask_targets


def slow_paste(masks, boxes, size, threshold):
    """Each pixel centre inside a box reads the mask at its relative place, point by point."""
    out = np.zeros((len(masks), *size), bool)
    for n, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        rows, columns = masks[n].shape
        for y in range(size[0]):
            for x in range(size[1]):
                if y1 <= y + 0.5 <= y2 and x1 <= x + 0.5 <= x2:
                    at = ((y + 0.5 - y1) / (y2 - y1) * (rows - 1), (x + 0.5 - x1) / (x2 - x1) * (columns - 1))
                    out[n, y, x] = slow.bilinear(masks[n].numpy(), *at, 'border') >= threshold
    return torch.from_numpy(out)


def test_agrees_with_the_slow_loop():
    torch.manual_seed(0)
    boxes = torch.tensor([[3.2, 4.1, 20.7, 15.3], [0, 0, 31, 23], [-5.5, -2.2, 9.1, 30.4], [7.3, 7.3, 8.9, 8.8]])
    masks = torch.rand(4, 7, 5)
    assert torch.equal(paste_corner_masks(masks, boxes, (24, 31), 0.5), slow_paste(masks, boxes, (24, 31), 0.5))


def test_targets_pasted_back_are_the_mask():
    """A disc of 60 pixels, sampled at 41 points and pasted again: stock cells would shrink it by 1 / 41."""
    y, x = np.mgrid[0:80, 0:90] + 0.5
    disc = ((y - 40)**2 + (x - 45)**2 <= 30**2).astype(np.uint8)[None]
    box = torch.tensor([[15., 10, 75, 70]])
    target = corner_mask_targets(BitmapMasks(disc, 80, 90), box, (41, 41), soft=True)
    pasted = paste_corner_masks(target, box, (80, 90)).numpy()
    union = (pasted | disc.astype(bool)).sum()
    assert (pasted & disc.astype(bool)).sum() / union > 0.98
    assert abs(int(pasted.sum()) - int(disc.sum())) / math.pi / 60 < 0.3  # less than 0.3 pixels of radius


def test_full_mask_fills_exactly_the_pixels_of_its_box():
    pasted = paste_corner_masks(torch.ones(1, 5, 5), torch.tensor([[2., 3, 6, 5]]), (8, 9))[0]
    want = torch.zeros(8, 9, dtype=torch.bool)
    want[3:5, 2:6] = True
    assert torch.equal(pasted, want)


def test_negative_threshold_gives_grey_values():
    pasted = paste_corner_masks(torch.full((1, 3, 3), 0.5), torch.tensor([[1., 1, 3, 3]]), (4, 4), -1)
    assert pasted.dtype == torch.uint8
    assert pasted[0, 1, 1] == 127
    assert pasted[0, 0, 0] == 0


@pytest.mark.parametrize('box', [[50, 50, 60, 60], [-9, -9, -2, -2], [5, 5, 5, 5], [6, 6, 3, 3], [2.6, 2.6, 3.2, 3.2]])
def test_boxes_without_a_pixel_give_an_empty_mask(box):
    pasted = paste_corner_masks(torch.ones(1, 5, 5), torch.tensor([box], dtype=torch.float32), (20, 20))
    assert pasted.shape == (1, 20, 20)
    assert not pasted.any()


def test_no_mask():
    assert paste_corner_masks(torch.zeros(0, 5, 5), torch.zeros(0, 4), (20, 30)).shape == (0, 20, 30)


def test_threshold_zero_keeps_to_the_box():
    pasted = paste_corner_masks(torch.zeros(1, 5, 5), torch.tensor([[2., 2, 4, 4]]), (6, 6), 0.0)
    assert pasted.sum() == 4
