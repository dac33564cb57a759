"""Anchors of the Detectron family: known values, order and centres."""

import pytest
import torch

from mmseg_plugins.models.task_modules import RoundedAnchorGenerator


def test_values_of_py_faster_rcnn():
    anchors = RoundedAnchorGenerator(strides=[16], ratios=[0.5, 1.0, 2.0], scales=[4, 8, 16, 32]).base_anchors[0]
    assert anchors.tolist() == [[-38, -16, 53, 31], [-84, -40, 99, 55], [-176, -88, 191, 103], [-360, -184, 375, 199],
                                [-24, -24, 39, 39], [-56, -56, 71, 71], [-120, -120, 135, 135], [-248, -248, 263, 263],
                                [-14, -36, 29, 51], [-36, -80, 51, 95], [-80, -168, 95, 183], [-168, -344, 183, 359]]


def test_one_size_a_level_has_the_order_of_the_stock_generator():
    from mmdet.models.task_modules.prior_generators import AnchorGenerator
    settings = dict(strides=[4, 8, 16, 32, 64], ratios=[0.5, 1.0, 2.0], scales=[8])
    levels = zip(
        RoundedAnchorGenerator(**settings).base_anchors, AnchorGenerator(**settings).base_anchors, strict=True)
    for ours, stock in levels:
        ours_size = ours[:, 2:] - ours[:, :2] + 1
        stock_size = stock[:, 2:] - stock[:, :2]
        assert ((ours_size / stock_size).log().abs() < 0.07).all()
        assert torch.equal(ours_size, ours_size.round())


def test_grid_moves_by_the_stride():
    generator = RoundedAnchorGenerator(strides=[8], ratios=[1.0], scales=[2])
    grid = generator.grid_priors([(2, 3)], device='cpu')[0]
    assert grid.shape == (6, 4)
    assert (grid[1] - grid[0]).tolist() == [8, 0, 8, 0]
    assert (grid[3] - grid[0]).tolist() == [0, 8, 0, 8]


@pytest.mark.parametrize(('setting', 'words'), [
    (dict(scale_major=False), r'scale_major=False.*scales inside'),
    (dict(center_offset=0.5), r'center_offset=0\.5.*centers'),
])
def test_arguments_that_would_change_nothing_are_refused(setting, words):
    with pytest.raises(ValueError, match=words):
        RoundedAnchorGenerator(strides=[8], ratios=[1.0], scales=[2], **setting)


def test_centers_are_those_asked_for():
    anchors = RoundedAnchorGenerator(strides=[8], ratios=[1.0], scales=[2], centers=[(4.0, 4.0)]).base_anchors[0]
    assert anchors.tolist() == [[-3.5, -3.5, 11.5, 11.5]]
