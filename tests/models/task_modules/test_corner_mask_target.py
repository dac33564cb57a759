"""Mask targets on the grid that includes the edges of the box."""

import numpy as np
import pytest
import torch
from mmdet.structures.mask import BitmapMasks, PolygonMasks

from mmseg_plugins.models.task_modules import corner_mask_targets


def filled(boxes, height=20, width=24):
    masks = np.zeros((len(boxes), height, width), np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = 1
    return BitmapMasks(masks, height, width), torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)


def test_a_filled_box_is_all_ones_even_at_its_edges_and_with_one_pixel():
    masks, boxes = filled([[3, 4, 11, 9], [0, 0, 24, 20], [7, 7, 8, 8], [23, 19, 24, 20]])
    assert corner_mask_targets(masks, boxes, (9, 7)).eq(1).all()


def test_left_half():
    masks, _ = filled([[4, 4, 8, 12]])
    target = corner_mask_targets(masks, torch.tensor([[4., 4, 12, 12]]), (9, 9))[0]  # points at 4, 5, ..., 12
    assert target[:, :5].eq(1).all()  # the point at 8 lies on the border, half of either side
    assert target[:, 5:].eq(0).all()


def test_soft_targets_are_bilinear():
    masks, _ = filled([[4, 4, 8, 12]])
    soft = corner_mask_targets(masks, torch.tensor([[4., 4, 12, 12]]), (9, 17), soft=True)[0, 4]
    assert soft.tolist() == pytest.approx([1] * 8 + [0.5] + [0] * 8)  # 7.5 lies on a center, 8 between two


def test_polygons_are_taken_too():
    polygon = PolygonMasks([[np.array([4., 4, 12, 4, 12, 12, 4, 12])]], 20, 24)
    target = corner_mask_targets(polygon, torch.tensor([[4., 4, 12, 12]]), (5, 5))
    assert target[0, 1:-1, 1:-1].eq(1).all()


def test_boxes_beyond_the_image_repeat_its_border():
    masks, _ = filled([[0, 0, 24, 20]])
    assert corner_mask_targets(masks, torch.tensor([[-3., -3, 30, 26]]), (7, 7)).eq(1).all()


def test_nothing():
    masks, boxes = filled([])
    assert corner_mask_targets(masks, boxes, (5, 6)).shape == (0, 5, 6)


def test_numbers_must_agree():
    masks, boxes = filled([[3, 4, 11, 9]])
    with pytest.raises(ValueError, match='1 masks for 2 boxes'):
        corner_mask_targets(masks, boxes.repeat(2, 1), (5, 5))
