"""IoU and IoF of boxes whose corners are pixels."""

import pytest
import torch
from mmdet.registry import TASK_UTILS
from mmengine.structures import InstanceData

from mmseg_plugins.models.task_modules import InclusiveOverlaps


def boxes(number, seed):
    torch.manual_seed(seed)
    corners = torch.rand(number, 2) * 90
    return torch.cat([corners, corners + torch.rand(number, 2) * 40], 1).round(decimals=1)


def test_iou_is_bitwise_that_of_glip():
    first, second = boxes(40, 0), boxes(30, 1)
    glip = TASK_UTILS.build(dict(type='mmdet.BboxOverlaps2D_GLIP'))
    iou = InclusiveOverlaps()(first, second)
    assert torch.equal(iou, glip(first, second))
    assert iou.shape == (40, 30)
    assert 0 < (iou > 0.3).float().mean() < 1


def test_values_count_the_last_pixel():
    """2 x 2 pixels and 4 x 4 pixels that share 2 x 1."""
    small, large = torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([[0.0, 1, 3, 4]])
    overlaps = InclusiveOverlaps()
    assert overlaps(small, large).item() == pytest.approx(2 / 18)
    assert overlaps(small, large, mode='iof').item() == pytest.approx(2 / 4)
    assert overlaps(large, small, mode='iof').item() == pytest.approx(2 / 16)
    assert overlaps(small, large + 2).item() == 0


@pytest.mark.parametrize('mode', ['iou', 'iof'])
def test_aligned_pairs_are_the_diagonal(mode):
    first, second = boxes(20, 2), boxes(20, 2).roll(1, 0) + 3
    overlaps = InclusiveOverlaps()
    assert torch.equal(overlaps(first, second, mode, is_aligned=True), overlaps(first, second, mode).diagonal())


@pytest.mark.parametrize(('first', 'second'), [(0, 3), (3, 0), (0, 0)])
def test_no_boxes(first, second):
    assert InclusiveOverlaps()(boxes(first, 0), boxes(second, 0)).shape == (first, second)


def test_scores_next_to_the_boxes_are_not_read():
    scored = torch.cat([boxes(5, 0), torch.rand(5, 1)], 1)
    assert torch.equal(InclusiveOverlaps()(scored, scored), InclusiveOverlaps()(boxes(5, 0), boxes(5, 0)))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"mode='giou'.*'iou', 'iof'"):
        InclusiveOverlaps()(boxes(1, 0), boxes(1, 0), mode='giou')
    with pytest.raises(ValueError, match=r'is_aligned.*2 and 3'):
        InclusiveOverlaps()(boxes(2, 0), boxes(3, 0), is_aligned=True)


def test_a_crowd_protects_the_small_rois_inside_it():
    """IoU of the first RoI and the crowd is 1 / 100, its share inside the crowd is 1."""
    assigner = TASK_UTILS.build(dict(
        type='mmdet.MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, ignore_iof_thr=0.5,
        iou_calculator=dict(type='mmseg_plugins.InclusiveOverlaps')))
    rois = InstanceData(priors=torch.tensor([[5.0, 5, 14, 14], [300, 300, 309, 309], [200, 200, 209, 209]]))
    gt = InstanceData(bboxes=torch.tensor([[200.0, 200, 209, 209]]), labels=torch.tensor([0]))
    crowd = InstanceData(bboxes=torch.tensor([[0.0, 0, 99, 99]]))
    assert assigner.assign(rois, gt, crowd).gt_inds.tolist() == [-1, 0, 1]
