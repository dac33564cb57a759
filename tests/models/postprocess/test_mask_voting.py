"""Mask voting against the originals' numbers, and against slow transcriptions of both on other images."""

import sys

import cv2
import numpy as np
import pytest
import torch
from golden_cases import GoldenCase, rel_error
from slow_mask_voting import slow_paste, slow_voting

from mmseg_plugins.models.postprocess import mask_voting, paste_masks
from mmseg_plugins.models.postprocess.mask_voting import class_nms
from mmseg_plugins.structures.boxes import FORKS, BoxMode, box_overlaps

CONVENTIONS = ('msracver', 'chainercv')


def scene(seed, rois, classes, height, width, size=21, objects=4):
    """RoIs in clusters around a few objects, blobs as masks, peaked class probabilities; corners in the image."""
    rng = np.random.default_rng(seed)
    centers = rng.uniform([0, 0], [width, height], (objects, 2))
    sides = np.exp(rng.uniform(np.log(6), np.log(min(height, width)), (objects, 2)))
    owner = rng.integers(objects, size=rois)
    middle = centers[owner] + rng.normal(0, 0.08, (rois, 2)) * sides[owner]
    extent = sides[owner] * np.exp(rng.normal(0, 0.12, (rois, 2)))
    boxes = np.concatenate([middle - extent / 2, middle + extent / 2], 1)
    boxes = np.clip(boxes, 0, [width - 1, height - 1] * 2).astype(np.float32)
    wide = (boxes[:, 2:] - boxes[:, :2] > 2).all(1)
    boxes, owner = boxes[wide], owner[wide]
    grid = (np.arange(size) + 0.5) / size
    radius = np.hypot(*np.meshgrid(grid - 0.5, grid - 0.5)) + rng.normal(0, 0.05, (len(boxes), size, size))
    masks = (1 / (1 + np.exp(20 * (radius - rng.uniform(0.3, 0.6, (len(boxes), 1, 1)))))).astype(np.float32)
    logits = rng.normal(0, 1.2, (len(boxes), classes + 1))
    logits[np.arange(len(boxes)), 1 + owner % classes] += rng.uniform(0, 4, len(boxes))
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return boxes, masks, scores[:, 1:].astype(np.float32), (height, width)


def tensors(boxes, masks, scores, shape):
    return torch.from_numpy(boxes), torch.from_numpy(masks), torch.from_numpy(scores), shape


@pytest.mark.golden
@pytest.mark.parametrize('convention', CONVENTIONS)
def test_golden_case(convention):
    case = GoldenCase(f'fcis_mask_voting_{convention}')
    config = case.facts['config']
    shape = tuple(config['image_size'])
    result = mask_voting(
        case.arrays['boxes'], case.arrays['masks'], case.arrays['scores'][:, 1:], shape, box_mode=FORKS[convention],
        nms_iou=config['nms_iou'], merge_iou=config['merge_iou'], binary_thr=config['binary_threshold'],
        max_per_image=config['max_per_image'], score_thr=config['min_score'])
    assert torch.equal(result.bboxes, case.arrays['det_boxes'])
    assert torch.equal(result.labels + 1, case.arrays['det_labels'])
    assert rel_error(result.scores, case.arrays['det_scores']) <= case.tolerance
    assert rel_error(result.masks, case.arrays['det_masks']) <= case.tolerance
    outputs = {'det_boxes': result.bboxes, 'det_labels': result.labels + 1, 'det_scores': result.scores,
               'det_masks': result.masks}
    if 'final_mask_bits' in case.arrays:
        pasted = paste_masks(result.bboxes, result.masks, shape, box_mode=FORKS[convention],
                             binary_thr=config['binary_threshold'])
        bits = np.packbits(pasted.flatten(1).numpy(), axis=1)
        assert np.array_equal(bits, case.arrays['final_mask_bits'].numpy())
        outputs['final_mask_bits'] = torch.from_numpy(bits)
    case.check(outputs)


@pytest.mark.parametrize('convention', CONVENTIONS)
@pytest.mark.parametrize(('seed', 'rois', 'classes', 'height', 'width', 'size'), [
    (0, 60, 5, 75, 110, 21),
    (1, 120, 20, 300, 90, 21),
    (2, 40, 1, 64, 64, 14),
    (3, 15, 3, 33, 400, 7),
    (4, 200, 8, 260, 280, 21),
])
def test_agrees_with_the_slow_transcription(convention, seed, rois, classes, height, width, size):
    inputs = scene(seed, rois, classes, height, width, size)
    theirs = slow_voting(*inputs, convention=convention)
    ours = mask_voting(*tensors(*inputs), box_mode=FORKS[convention])
    assert len(ours.scores) == len(theirs['scores']) > 3
    np.testing.assert_array_equal(ours.bboxes, theirs['boxes'])
    np.testing.assert_array_equal(ours.labels, theirs['labels'])
    np.testing.assert_allclose(ours.scores, theirs['scores'], rtol=1e-6)
    assert rel_error(ours.masks, torch.from_numpy(theirs['masks'])) < 1e-5  # a value may fall on the threshold
    pasted = paste_masks(ours.bboxes, ours.masks, (height, width), box_mode=FORKS[convention])
    different = pasted.numpy() != slow_paste(theirs['boxes'], theirs['masks'], (height, width), convention)
    assert different.mean() < 1e-5


@pytest.mark.parametrize('limit', [3, 10])
@pytest.mark.parametrize('convention', CONVENTIONS)
def test_limit_counts_over_all_classes(convention, limit):
    inputs = scene(5, 80, 6, 120, 120)
    theirs = slow_voting(*inputs, convention=convention, max_per_image=limit)
    ours = mask_voting(*tensors(*inputs), box_mode=FORKS[convention], max_per_image=limit)
    assert len(ours.scores) == limit
    np.testing.assert_array_equal(ours.labels, theirs['labels'])
    np.testing.assert_array_equal(ours.bboxes, theirs['boxes'])
def two_rois_that_vote_for_each_other():
    """Two boxes with IoU > .5 whose masks, the left and the right half, do not overlap; equal weights are each .5."""
    boxes = torch.tensor([[10.0, 10, 29, 29], [12.0, 10, 31, 29]])
    masks = torch.zeros(2, 21, 21)
    masks[0, :, :8] = masks[1, :, -8:] = 1
    return boxes, masks


def test_equal_votes_of_half_each_give_the_union():
    boxes, masks = two_rois_that_vote_for_each_other()
    result = mask_voting(boxes, masks, torch.tensor([[0.6], [0.6]]), (40, 40))
    assert result.bboxes.tolist() == [[10, 10, 31, 29]]
    assert result.scores.tolist() == pytest.approx([0.6])
    pasted = paste_masks(result.bboxes, result.masks, (40, 40))[0]
    assert [bool(pasted[15, x]) for x in (11, 20, 30)] == [True, False, True]


@pytest.mark.parametrize(('convention', 'number'), [('msracver', 1), ('chainercv', 0)])
def test_empty_canvas_is_a_pixel_at_the_centre_or_nothing(convention, number):
    boxes, masks = two_rois_that_vote_for_each_other()
    empty = dict(boxes=boxes, masks=masks.fill_(0.3), scores=torch.tensor([[0.6], [0.5]]), image_shape=(41, 63))
    result = mask_voting(**empty, box_mode=FORKS[convention])
    assert [len(part) for part in result] == [number] * 4
    if number:
        assert result.bboxes.tolist() == [[31, 20, 31, 20]]
        assert torch.equal(result.masks, torch.zeros(1, 21, 21))
        assert not paste_masks(result.bboxes, result.masks, (41, 63)).any()
    assert len(mask_voting(**empty, box_mode=FORKS[convention], drop_flat=True).scores) == 0


@pytest.mark.parametrize('convention', CONVENTIONS)
@pytest.mark.parametrize('rois', [0, 3])
def test_nothing_to_keep_gives_empty_tensors_of_the_right_shape(convention, rois):
    boxes = torch.tensor([[1.0, 1, 9, 9]]).repeat(rois, 1)
    result = mask_voting(boxes, torch.ones(rois, 21, 21), torch.zeros(rois, 4), (20, 20), box_mode=FORKS[convention])
    assert [part.shape for part in result] == [(0, 4), (0, ), (0, ), (0, 21, 21)]
    assert result.labels.dtype == torch.int64
    assert paste_masks(result.bboxes, result.masks, (20, 30), box_mode=FORKS[convention]).shape == (0, 20, 30)


def test_classes_are_suppressed_apart_and_labels_count_from_zero():
    boxes = torch.tensor([[5.0, 5, 30, 30], [5.0, 5, 30, 30], [6.0, 5, 30, 30]])
    scores = torch.tensor([[0.1, 0.7], [0.8, 0.1], [0.05, 0.6]])
    result = mask_voting(boxes, torch.ones(3, 21, 21), scores, (40, 40))
    assert result.labels.tolist() == [0, 1]
    assert result.scores.tolist() == pytest.approx([0.8, 0.7])
def test_result_does_not_depend_on_tiles_and_chunks(monkeypatch):
    inputs = tensors(*scene(6, 90, 4, 210, 170))
    whole = mask_voting(*inputs)
    pasted = paste_masks(whole.bboxes, whole.masks, inputs[3])
    module = sys.modules[mask_voting.__module__]
    monkeypatch.setattr(module, 'TILE_SIDES', (16, 16))
    monkeypatch.setattr(module, 'PAIR_ELEMENTS', 20000)
    for ours, theirs in zip(mask_voting(*inputs), whole, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert torch.equal(paste_masks(whole.bboxes, whole.masks, inputs[3]), pasted)


@pytest.mark.parametrize('convention', CONVENTIONS)
@pytest.mark.parametrize('limit', [2, 10, 40])
def test_result_does_not_depend_on_how_many_candidates_come_first(monkeypatch, convention, limit):
    """The best 2, 10, 40 candidates crowd around few objects: most suppress each other, and more must be looked at."""
    inputs = tensors(*scene(6, 90, 4, 210, 170))
    whole = mask_voting(*inputs, box_mode=FORKS[convention], max_per_image=limit)
    monkeypatch.setattr(sys.modules[mask_voting.__module__], 'FIRST_CANDIDATES', 1)
    for ours, theirs in zip(mask_voting(*inputs, box_mode=FORKS[convention], max_per_image=limit), whole, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize('mode', BoxMode)
def test_class_nms_is_the_greedy_one(mode):
    boxes, _, scores, _ = tensors(*scene(7, 150, 12, 200, 200))
    suppress = box_overlaps(boxes, boxes, mode) > 0.3
    kept = class_nms(suppress, torch.where(scores > 0.02, scores, -torch.inf))
    for c in range(scores.shape[1]):
        chosen = []
        for i in scores[:, c].argsort(descending=True).tolist():
            if scores[i, c] > 0.02 and not any(suppress[i, j] for j in chosen):
                chosen.append(i)
        assert kept[:, c].nonzero()[:, 0].tolist() == sorted(chosen)


def test_pasting_is_opencv_resizing_into_the_rounded_box():
    rng = np.random.default_rng(0)
    soft = rng.random((1, 21, 21), dtype=np.float32)
    pasted = paste_masks(torch.tensor([[3.5, 4.5, 40.4, 13.6]]), torch.from_numpy(soft), (30, 50))[0].numpy()
    wanted = np.zeros((30, 50), bool)
    wanted[4:15, 4:41] = cv2.resize(soft[0], (37, 11)) >= 0.4  # 3.5 and 4.5 become 4: half to even
    np.testing.assert_array_equal(pasted, wanted)


def test_bfloat16_autocast_changes_nothing():
    inputs = tensors(*scene(8, 60, 4, 300, 300))
    plain = mask_voting(*inputs)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        for ours, theirs in zip(mask_voting(*inputs), plain, strict=True):
            assert torch.equal(ours, theirs)


@pytest.mark.parametrize(('change', 'text'), [
    (dict(masks=torch.zeros(2, 2, 21, 21)), r'masks \(2, 2, 21, 21\).*channel "inside"'),
    (dict(scores=torch.zeros(3, 4)), r'scores \(3, 4\).*one RoI a row'),
    (dict(binary_thr=0.0), r'binary_thr must be in \(0, 1\]'),
    (dict(max_per_image=0), 'max_per_image at least 1'),
])
def test_wrong_input_is_named(change, text):
    sound = dict(boxes=torch.zeros(2, 4), masks=torch.zeros(2, 21, 21), scores=torch.zeros(2, 4), image_shape=(9, 9))
    with pytest.raises(ValueError, match=text):
        mask_voting(**{**sound, **change})
