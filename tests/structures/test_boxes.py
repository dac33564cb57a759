"""Box modes and the one IoU."""

import numpy as np
import pytest
import torch

from mmseg_plugins.structures.boxes import BoxMode, box_iou, box_mode_of, box_overlaps


def random_boxes(number, seed):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 40, (number, 2))
    return np.concatenate([corners, corners + rng.integers(0, 15, (number, 2))], 1)


def pixels(box, mode):
    mask = np.zeros((60, 60), bool)
    mask[box[1]:box[3] + mode.extra, box[0]:box[2] + mode.extra] = True
    return mask


@pytest.mark.parametrize('mode', BoxMode)
def test_overlaps_count_pixels(mode):
    first, second = random_boxes(12, 0), random_boxes(9, 1)
    iou, iof = np.zeros((12, 9)), np.zeros((12, 9))
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            one, other = pixels(a, mode), pixels(b, mode)
            shared = (one & other).sum()
            iou[i, j], iof[i, j] = shared / max((one | other).sum(), 1), shared / max(one.sum(), 1)
    tensors = torch.from_numpy(first).double(), torch.from_numpy(second).double()
    assert np.array_equal(box_overlaps(*tensors, mode).numpy(), iou)
    assert np.array_equal(box_overlaps(*tensors, mode, kind='iof').numpy(), iof)
    if mode is BoxMode.HALF_OPEN:
        assert np.array_equal(box_iou(first, second), iou)


def test_pairs_are_the_diagonal():
    first, second = (torch.from_numpy(random_boxes(7, seed)).float() for seed in (2, 3))
    assert torch.equal(box_overlaps(first, second, aligned=True), box_overlaps(first, second).diagonal())


def test_boxes_without_a_pixel_overlap_nothing():
    flat = np.array([[3.0, 3, 3, 9]])
    assert box_iou(flat, flat).tolist() == [[0]]
    assert box_iou(np.zeros((0, 4)), flat).shape == (0, 1)


def test_there_and_back():
    boxes = torch.tensor([[10.0, 20, 20, 40]])
    inclusive = BoxMode.INCLUSIVE.from_half_open(boxes)
    assert inclusive.tolist() == [[10, 20, 19, 39]]
    assert BoxMode.INCLUSIVE.sides(inclusive).tolist() == [[10, 20]]
    assert torch.equal(BoxMode.INCLUSIVE.to_half_open(inclusive), boxes)
    assert BoxMode.HALF_OPEN.from_half_open(boxes) is boxes


def test_the_old_argument_works_and_names_the_new_one():
    assert box_mode_of('inclusive', 'X') is BoxMode.INCLUSIVE
    with pytest.warns(FutureWarning, match="convention='chainercv' of X .*write box_mode='half_open'"):
        assert box_mode_of('inclusive', 'X', 'chainercv') is BoxMode.HALF_OPEN
    with pytest.raises(ValueError, match="X: box_mode='voc'"):
        box_mode_of('voc', 'X')
    with pytest.raises(ValueError, match="X: convention='voc'"):
        box_mode_of('inclusive', 'X', 'voc')
