"""Low-quality matches keep the anchor's own best object, as in FCIS, Detectron and PANet."""

import torch
from mmdet.models.task_modules.assigners import MaxIoUAssigner

from mmseg_plugins.models.task_modules import OwnObjectAssigner

RULE = dict(pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.01)
LABELS = torch.tensor([5, 6])


def both(overlaps, **options):
    overlaps = torch.tensor(overlaps)
    return [kind(**{**RULE, **options}).assign_wrt_overlaps(overlaps, LABELS[:len(overlaps)])
            for kind in (OwnObjectAssigner, MaxIoUAssigner)]


def test_an_anchor_that_is_an_objects_best_keeps_its_own_best_object():
    # Anchor 0 overlaps object 0 by .8 and is the best of object 1 with .4; anchor 1 is object 0's other match.
    ours, stock = both([[0.8, 0.75, 0.1], [0.4, 0.0, 0.2]])
    assert stock.gt_inds.tolist() == [2, 1, 0]
    assert ours.gt_inds.tolist() == [1, 1, 0]
    assert ours.labels.tolist() == [5, 5, -1]


def test_positives_negatives_and_ignored_boxes_are_those_of_stock():
    torch.manual_seed(0)
    overlaps = torch.rand(2, 40).square()
    overlaps[:, -3:] = -1  # in a crowd
    ours, stock = both(overlaps.tolist())
    assert torch.equal(ours.gt_inds > 0, stock.gt_inds > 0)
    assert torch.equal(ours.gt_inds.clamp(max=0), stock.gt_inds.clamp(max=0))
    assert torch.equal(ours.max_overlaps, stock.max_overlaps)
    positive = ours.gt_inds > 0
    assert torch.equal(ours.gt_inds[positive], overlaps.argmax(0)[positive] + 1)
    ours, stock = both(overlaps.tolist(), match_low_quality=False)
    assert torch.equal(ours.gt_inds, stock.gt_inds)


def test_images_without_objects_are_background():
    ours = OwnObjectAssigner(**RULE).assign_wrt_overlaps(torch.zeros(0, 3), LABELS[:0])
    assert ours.gt_inds.tolist() == [0, 0, 0]
    assert OwnObjectAssigner(**RULE).assign_wrt_overlaps(torch.zeros(2, 0), LABELS).gt_inds.tolist() == []
