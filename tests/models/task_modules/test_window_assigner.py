"""WindowAssigner: the paper's pixel numbers, limits, competition, ignored objects, open ends."""

import pytest
import torch
from mmengine.structures import InstanceData

from mmseg_plugins.models.task_modules import WindowAssigner


def assign(windows, boxes, ignored=None, **kwargs):
    priors = InstanceData(priors=torch.tensor(windows, dtype=torch.float32))
    truth = InstanceData(bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4))
    ignore = None if ignored is None else InstanceData(bboxes=torch.tensor(ignored, dtype=torch.float32))
    return WindowAssigner(**kwargs).assign(priors, truth, ignore).gt_inds.tolist()


def window(x, y, side=168):
    return [x - side / 2, y - side / 2, x + side / 2, y + side / 2]


def box(x, y, width, height=None):
    height = width if height is None else height
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


@pytest.mark.parametrize(('shift', 'wanted'), [(0, 1), (11.9, 1), (12.1, -1), (23.9, -1), (24.1, 0)])
@pytest.mark.parametrize('axis', [0, 1])
def test_distance_of_the_centres_in_the_paper_s_window(shift, wanted, axis):
    center = [300.0, 300.0]
    center[axis] += shift
    assert assign([window(*center)], [box(300, 300, 96)]) == [wanted]


@pytest.mark.parametrize(('side', 'wanted'), [(96, 1), (96 * 1.18, 1), (96 / 1.18, 1), (96 * 1.2, -1), (96 / 1.2, -1),
                                              (190, -1), (194, 0), (49, -1), (47, 0)])
def test_scale_is_the_longer_side(side, wanted):
    assert assign([window(300, 300)], [box(300, 300, side, side / 3)]) == [wanted]


def test_both_conditions_are_needed_and_an_object_elsewhere_does_not_matter():
    windows = [window(300, 300)]
    assert assign(windows, [box(300, 300, 96), box(600, 600, 96)]) == [1]
    assert assign(windows, [box(310, 300, 300)]) == [0]
    assert assign(windows, [box(500, 300, 96)]) == [0]
    assert assign(windows, []) == [0]


def test_the_nearest_fitting_object_wins():
    assert assign([window(300, 300)], [box(308, 300, 96), box(297, 300, 100), box(300, 300, 400)]) == [2]


def test_grey_windows_of_ignored_objects_are_not_negatives():
    windows = [window(300, 300), window(320, 300), window(700, 300)]
    assert assign(windows, [], ignored=[box(300, 300, 96)]) == [-1, -1, 0]
    assert assign(windows, [box(302, 300, 96)], ignored=[box(300, 300, 96)])[0] == 1


def test_open_ends_take_objects_beyond_the_pyramid():
    windows = [window(100, 100, 42), window(100, 100, 84), window(100, 100, 168)]
    kwargs = dict(scale_positive=2**0.5)
    assert assign(windows, [box(100, 100, 6)], **kwargs) == [0, 0, 0]
    assert assign(windows, [box(100, 100, 6)], open_ended=True, **kwargs) == [1, 0, 0]
    assert assign(windows, [box(100, 100, 160)], **kwargs)[2] == -1
    assert assign(windows, [box(100, 100, 160)], open_ended=True, **kwargs)[2] == 1
    assert assign(windows, [box(100, 100, 300)], open_ended=True, **kwargs)[2] == 0  # larger than the window


def test_levels_a_factor_2_apart_leave_no_object_out():
    windows = [window(100, 100, side) for side in (42, 84, 168, 336)]
    for side in range(18, 260, 3):
        assert 1 in assign(windows, [box(100, 100, side)], scale_positive=2**0.5), side


def test_nothing_to_assign():
    result = WindowAssigner().assign(InstanceData(priors=torch.zeros(0, 4)), InstanceData(bboxes=torch.zeros(2, 4)))
    assert result.gt_inds.shape == (0, )
    assert result.num_gts == 2


@pytest.mark.parametrize(('kwargs', 'word'), [(dict(center_positive=0.2), 'center_positive=0.2'),
                                              (dict(scale_positive=3.0), 'scale_positive=3.0'),
                                              (dict(scale_positive=0.5), 'scale_positive=0.5')])
def test_contradicting_limits_are_refused(kwargs, word):
    with pytest.raises(ValueError, match=word):
        WindowAssigner(**kwargs)
