"""FCIS's targets and samplers: the original's numbers, slow transcriptions, objects of one pixel."""

import numpy as np
import pytest
import slow_fcis
import torch
from golden_cases import GoldenCase, rel_error
from mmdet.models.task_modules.assigners import AssignResult
from mmdet.registry import TASK_UTILS
from mmengine.structures import InstanceData

from mmseg_plugins.models.task_modules import (
    InclusiveDeltaXYWHBBoxCoder,
    JointLossOHEMSampler,
    PaddedRandomSampler,
    fcis_targets,
    roi_mask_targets,
)
from mmseg_plugins.structures.boxes import BoxMode

CODER = InclusiveDeltaXYWHBBoxCoder(target_stds=(0.2, 0.2, 0.5, 0.5))


def inclusive_assigner(positive=0.5, negative=0.5):
    """As in configs/fcis: IoU with widths x2 - x1 + 1."""
    return TASK_UTILS.build(dict(
        type='mmdet.MaxIoUAssigner', pos_iou_thr=positive, neg_iou_thr=negative, min_pos_iou=positive,
        match_low_quality=False, iou_calculator=dict(type='mmseg_plugins.InclusiveOverlaps')))


@pytest.mark.golden
def test_targets_agree_with_the_original():
    case = GoldenCase('fcis_targets_msracver')
    a, config = case.arrays, case.facts['config']
    rois = torch.cat([a['rois'], a['gt_boxes']])
    gt = InstanceData(bboxes=a['gt_boxes'], labels=a['gt_labels'] - 1)
    assigner = inclusive_assigner(config['fg_iou'], tuple(config['bg_iou']))
    assigned = assigner.assign(InstanceData(priors=rois), gt).gt_inds - 1
    order = torch.cat([(assigned >= 0).nonzero()[:, 0], (assigned == -1).nonzero()[:, 0]])
    coder = InclusiveDeltaXYWHBBoxCoder(target_stds=config['delta_std'])
    out = fcis_targets(rois[order], assigned[order], gt.bboxes, gt.labels, a['gt_masks_resized'], coder,
                       config['mask_size'], config['binary_threshold'])
    assert torch.equal(out.rois, a['out_rois'])
    assert torch.equal(out.labels, a['out_labels'])
    assert rel_error(out.box_targets, a['out_box_targets']) <= case.tolerance
    assert torch.equal((out.labels > 0).float()[:, None].expand(-1, 4), a['out_box_weights'])
    differing = (out.mask_targets != a['out_mask_targets']).double().mean().item()
    assert differing <= case.facts['tolerance']['suggested_mask_pixel_fraction']


def blobs(number, height, width, seed):
    """Objects: random half-planes inside random boxes."""
    rng = np.random.RandomState(seed)
    masks, boxes = np.zeros((number, height, width), np.uint8), []
    for mask in masks:
        x1, y1 = rng.randint(0, width - 8), rng.randint(0, height - 8)
        x2, y2 = rng.randint(x1 + 4, width), rng.randint(y1 + 4, height)
        ys, xs = np.mgrid[:height, :width]
        line = rng.randn(2) @ [xs.ravel() - (x1 + x2) / 2, ys.ravel() - (y1 + y2) / 2] > 0
        mask[y1:y2 + 1, x1:x2 + 1] = line.reshape(height, width)[y1:y2 + 1, x1:x2 + 1]
        boxes.append([x1, y1, x2, y2])
    return masks, np.array(boxes, np.float32)


@pytest.mark.parametrize(('seed', 'height', 'width', 'size'), [(0, 33, 57, 21), (1, 64, 40, 14), (2, 21, 90, 7)])
def test_vectorised_masks_are_the_slow_ones(seed, height, width, size):
    masks, boxes = blobs(4, height, width, seed)
    rng = np.random.RandomState(seed)
    index = rng.randint(0, 4, 30)
    rois = (boxes[index] + rng.uniform(-6, 6, (30, 4))).astype(np.float32)
    rois = np.clip(rois, 0, [width - 1, height - 1] * 2).astype(np.float32)
    rois[:, 2:] = np.maximum(rois[:, 2:], rois[:, :2])
    args = [torch.from_numpy(x) for x in (rois, index, boxes, masks)]
    want = np.stack([slow_fcis.mask_target(r, boxes[i], masks[i], size) for r, i in zip(rois, index, strict=True)])
    assert (roi_mask_targets(*args, mask_size=size).numpy() != want).mean() < 1e-3
    want = np.stack([slow_fcis.cropped_mask_target(r, masks[i], size) for r, i in zip(rois, index, strict=True)])
    assert (roi_mask_targets(*args, mask_size=size, box_mode=BoxMode.HALF_OPEN).numpy() != want).mean() < 1e-3
    assert 0.1 < want.mean() < 0.9


def test_an_object_of_one_pixel_is_found_in_a_roi_of_one_pixel_and_in_a_larger_one():
    mask = torch.zeros(1, 20, 20, dtype=torch.uint8)
    mask[0, 7, 5] = 1
    rois, gt = torch.tensor([[5.0, 7, 5, 7], [4, 6, 6, 8]]), torch.tensor([[5.0, 7, 5, 7]])
    out = fcis_targets(rois, torch.tensor([0, 0]), gt, torch.tensor([2]), mask, CODER)
    assert out.labels.tolist() == [3, 3]
    assert out.mask_targets[0].all()
    assert 0 < out.mask_targets[1].float().mean() < 0.25
    assert out.mask_targets[1, 10, 10] == 1
    assert not out.box_targets[0].any()
    np.testing.assert_allclose(out.box_targets[1], slow_fcis.box_target(rois[1].tolist(), gt[0].tolist()), rtol=1e-6)


def test_a_roi_next_to_its_object_has_an_empty_mask():
    masks, boxes = blobs(1, 40, 40, seed=3)
    boxes[:] = [0, 0, 9, 9]
    roi = torch.tensor([[20.0, 20, 30, 30]])
    assert not roi_mask_targets(roi, torch.tensor([0]), torch.from_numpy(boxes), torch.from_numpy(masks)).any()


def test_no_object_gives_background_only():
    out = fcis_targets(torch.rand(3, 4), torch.full((3, ), -1), torch.zeros(0, 4), torch.zeros(0, dtype=torch.long),
                       torch.zeros(0, 16, 16, dtype=torch.uint8), CODER)
    assert not out.labels.any()
    assert not out.box_targets.any()
    assert (out.mask_targets == -1).all()


def assignment(gt_inds):
    gt_inds = torch.tensor(gt_inds)
    return AssignResult(1, gt_inds, torch.zeros(len(gt_inds)), torch.where(gt_inds > 0, 0, -1))


def sampled(sampler, gt_inds, gts=0):
    priors = InstanceData(priors=torch.arange(4.0 * len(gt_inds)).reshape(-1, 4))
    gt = InstanceData(bboxes=torch.zeros(1, 4)[:gts] if not max(gt_inds) > 0 else torch.zeros(1, 4),
                      labels=torch.zeros(1, dtype=torch.long))
    return sampler.sample(assignment(gt_inds), priors, gt)


def test_mining_sampler_takes_all_candidates_and_keeps_the_hardest():
    sampler = JointLossOHEMSampler(num=3, add_gt_as_proposals=False)
    result = sampled(sampler, [1, 0, -1, 0, 1, 0])
    assert result.pos_inds.tolist() == [0, 4]
    assert result.neg_inds.tolist() == [1, 3, 5]
    assert sampler.mine(torch.tensor([0.1, 5.0, 2.0, 2.0, 2.0])).tolist() == [1, 2, 3]
    assert sampler.mine(torch.tensor([1.0])).tolist() == [0]
    with pytest.raises(ValueError, match='num=0'):
        JointLossOHEMSampler(num=0)


def test_padded_sampler_fills_its_quota_from_the_unassigned():
    sampler = PaddedRandomSampler(num=4, pos_fraction=0.25, add_gt_as_proposals=False)
    result = sampled(sampler, [1, 0, -1, -1, -1, -1])
    assert result.pos_inds.tolist() == [0]
    assert len(result.neg_inds) == 3
    assert 1 in result.neg_inds.tolist()
    assert len(sampled(sampler, [1, 0, 0, 0, 0, -1]).neg_inds) == 3
    assert 5 not in sampled(sampler, [1, 0, 0, 0, 0, -1]).neg_inds.tolist()


def test_filling_repeats_and_takes_objects_beyond_the_quota_as_background():
    sampler = PaddedRandomSampler(num=8, pos_fraction=0.25, add_gt_as_proposals=False)
    result = sampled(sampler, [1, 1, 1, 1, 0])
    drawn, filling = set(result.pos_inds.tolist()), result.neg_inds.tolist()
    assert len(drawn) == 2
    assert len(filling) == 6
    assert set(filling) == set(range(5)) - drawn  # both objects that are left over, and the negative again
    assert torch.equal(result.neg_priors, torch.arange(20.0).reshape(-1, 4)[result.neg_inds])
    assert sampled(sampler, [1, -1]).neg_inds.tolist() == [1] * 7
    assert sampled(sampler, [1]).neg_inds.tolist() == []


def test_filling_counts_the_objects_that_are_proposals_themselves():
    sampler = PaddedRandomSampler(num=4, pos_fraction=0.25)
    result = sampled(sampler, [-1, -1])
    assert len(result.neg_inds) == 4  # no object: two RoIs twice
    with_object = sampled(sampler, [1, -1])
    assert len(with_object.pos_inds) == 1
    assert len(with_object.priors) == 4
    boxes = torch.cat([torch.zeros(1, 4), torch.arange(8.0).reshape(-1, 4)])
    assert torch.equal(with_object.neg_priors, boxes[with_object.neg_inds])


def test_padding_leaves_out_what_lies_in_a_crowd():
    assigner = TASK_UTILS.build(dict(
        type='mmdet.MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=(0.1, 0.5), match_low_quality=False,
        ignore_iof_thr=0.5, iou_calculator=dict(type='mmseg_plugins.InclusiveOverlaps')))
    rois = torch.tensor([[0.0, 0, 9, 9], [0, 4, 9, 13], [20, 20, 29, 29], [60, 60, 69, 69]])  # object, .43, crowd, none
    gt = InstanceData(bboxes=rois[:1], labels=torch.tensor([0]))
    crowd = InstanceData(bboxes=torch.tensor([[15.0, 15, 50, 50]]))
    sampler = PaddedRandomSampler(num=8, pos_fraction=0.25, add_gt_as_proposals=False)

    def negatives(objects):
        priors = InstanceData(priors=rois)
        return set(sampler.sample(assigner.assign(priors, objects, crowd), priors, objects).neg_inds.tolist())

    assert negatives(gt) == {1, 3}
    # Without an object the stock assigner makes everything background and forgets the crowd.
    assert negatives(gt[:0]) == {0, 1, 2, 3}


def test_mining_sampler_refuses_what_it_would_not_read():
    assert JointLossOHEMSampler(num=3, context=object()).num_hard == 3
    for unknown in ('typo', 'pos_fraction'):
        with pytest.raises(TypeError, match=unknown):
            JointLossOHEMSampler(num=3, **{unknown: 1})
