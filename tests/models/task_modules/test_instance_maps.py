"""Instance and class maps: which object a cell belongs to, overlaps, what is unknown."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from mmseg_plugins.models.postprocess.label_maps import instances_of_label_map
from mmseg_plugins.models.task_modules.instance_maps import IGNORED, cell_cover, instance_maps, unknown_region

SIZE = (8, 8)


def truth(boxes, labels=None, size=SIZE):
    masks = np.zeros((len(boxes), *size), np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = 1
    labels = torch.zeros(len(boxes)).long() if labels is None else torch.tensor(labels)
    return InstanceData(masks=BitmapMasks(masks, *size), labels=labels)


def known(size=SIZE):
    return torch.zeros(size, dtype=torch.bool)


def truth_of(masks, labels=None):
    """Any binary masks (G, H, W)."""
    labels = torch.zeros(len(masks)).long() if labels is None else torch.tensor(labels)
    return InstanceData(masks=BitmapMasks(masks.astype(np.uint8), *masks.shape[1:]), labels=labels)


def discs(seed=0, count=30, size=(64, 64)):
    """Discs of 4 to 20 px across at any place, one an image."""
    rng = np.random.RandomState(seed)
    ys, xs = np.mgrid[:size[0], :size[1]] + 0.5
    radius = rng.uniform(2, 10, count)
    y, x = rng.uniform(11, size[0] - 11, count), rng.uniform(11, size[1] - 11, count)
    return np.stack([(ys - b)**2 + (xs - a)**2 <= r**2 for a, b, r in zip(x, y, radius, strict=True)])


def test_a_cell_belongs_to_the_object_that_covers_half_of_it():
    ids, classes = instance_maps(truth([[0, 0, 3, 3], [5, 5, 8, 8]], [2, 4]), known(), 4)
    assert ids.tolist() == [[1, 0], [0, 2]]
    assert classes.tolist() == [[3, 0], [0, 5]]
    ids, _ = instance_maps(truth([[0, 0, 6, 4], [6, 4, 8, 8]]), known(), 4)  # half of the cells on the right
    assert ids.tolist() == [[1, 1], [0, 2]]
    ids, _ = instance_maps(truth([[0, 0, 5, 4]]), known(), 4)  # all of one cell, a quarter of the next
    assert ids.tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize('stride', [1, 2, 3, 4, 8])
def test_the_share_of_a_cell_counts_the_pixels_that_it_has(stride):
    masks = torch.from_numpy(np.random.RandomState(0).rand(3, 17, 11) < 0.5)
    cover = cell_cover(masks, stride)
    for y in range(0, 17, stride):
        for x in range(0, 11, stride):
            part = masks[:, y:y + stride, x:x + stride].flatten(1)
            assert torch.equal(cover[:, y // stride, x // stride], part.float().mean(1))


@pytest.mark.parametrize('stride', [2, 4])
def test_mirrored_objects_give_mirrored_cells(stride):
    for disc in discs():
        ids, _ = instance_maps(truth_of(disc[None]), known((64, 64)), stride)
        for dims in ((0, ), (1, ), (0, 1)):
            mirrored, _ = instance_maps(truth_of(np.flip(disc, dims)[None]), known((64, 64)), stride)
            assert torch.equal(mirrored, ids.flip(dims))


def test_objects_come_back_at_their_place():
    """Through cells of 2 px and back: no shift on average, in either direction."""
    shifts = []
    for disc in discs(count=60):
        ids, _ = instance_maps(truth_of(disc[None]), known((64, 64)), 2)
        back = instances_of_label_map(ids, torch.ones(1), torch.zeros(1).long(), 2, (64, 64), (64, 64)).masks[0]
        shifts.append(np.argwhere(back.numpy()).mean(0) - np.argwhere(disc).mean(0))
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.05


def test_an_object_that_covers_half_of_no_cell_takes_those_that_it_covers_most():
    assert instance_maps(truth([[1, 1, 3, 2]]), known(), 4)[0].tolist() == [[1, 0], [0, 0]]
    assert instance_maps(truth([[0, 1, 8, 2]]), known(), 4)[0].tolist() == [[1, 1], [0, 0]]
    assert instance_maps(truth([[1, 5, 5, 6]]), known(), 4)[0].tolist() == [[0, 0], [1, 0]]  # 3 px here, 1 px there
    ids, _ = instance_maps(truth([[0, 0, 8, 8], [1, 1, 2, 2]]), known(), 4)  # in front of the larger one
    assert ids.tolist() == [[2, 1], [1, 1]]
    assert instance_maps(truth([[0, 0, 0, 0]]), known(), 4)[0].sum() == 0  # without a pixel


def test_the_front_is_decided_by_pixels_not_by_cells():
    masks = np.zeros((2, 8, 8), bool)
    masks[0, :4, :8] = True  # 32 px, two cells
    masks[1, :3, :8] = masks[1, 4:6, :1] = True  # 26 px, two cells
    for order in ([0, 1], [1, 0]):
        ids, _ = instance_maps(truth_of(masks[order]), known(), 4)
        assert (ids == order.index(1) + 1).tolist() == [[True, True], [False, False]]


def test_a_cell_is_unknown_when_half_of_it_is():
    region = known()
    region[:, 6:] = True
    region[0, :4] = True
    _, classes = instance_maps(truth([]), region, 4)
    assert (classes == IGNORED).tolist() == [[False, True], [False, True]]


@pytest.mark.parametrize('label', [254, 999])
def test_what_is_unknown_is_no_class_however_many_there_are(label):
    region = known()
    region[4:] = True
    _, classes = instance_maps(truth([[0, 0, 4, 4]], [label]), region, 4)
    logits = torch.zeros(1, label + 2, 2, 2, requires_grad=True)
    F.cross_entropy(logits, classes[None], ignore_index=IGNORED).backward()
    assert logits.grad[0, label + 1, 0, 0] < 0
    assert logits.grad[0, :, 1].abs().max() == 0


def test_the_smaller_object_is_in_front_whatever_the_order():
    for boxes in ([[0, 0, 8, 8], [2, 2, 4, 4]], [[2, 2, 4, 4], [0, 0, 8, 8]]):
        ids = instance_maps(truth(boxes), known(), 1)[0]
        small = boxes.index([2, 2, 4, 4]) + 1
        assert (ids == small).sum() == 4
        assert (ids == 3 - small).sum() == 60


def test_odd_sizes_end_with_the_last_pixel():
    ids, _ = instance_maps(truth([[0, 0, 7, 9]], size=(9, 7)), known((9, 7)), 4)
    assert ids.tolist() == [[1, 1]] * 3


def test_agnostic_classes_and_no_object():
    assert instance_maps(truth([[0, 0, 8, 8]], [4]), known(), 8, class_agnostic=True)[1].tolist() == [[1]]
    ids, classes = instance_maps(truth([]), known(), 4)
    assert ids.sum() == classes.sum() == 0


def test_padding_and_ignored_boxes_are_unknown_unless_an_object_is_there():
    ignored = InstanceData(bboxes=torch.tensor([[0.0, 0, 3, 2]]), labels=torch.zeros(1).long())
    region = unknown_region(ignored, (8, 6), SIZE, torch.device('cpu'))
    assert region[:2, :3].all()
    assert region[:, 6:].all()
    assert region.sum() == 6 + 16
    _, classes = instance_maps(truth([[0, 0, 1, 1]]), region, 1)
    assert classes[0, 0] == 1
    assert (classes == IGNORED).sum() == 21


def test_ignored_masks_are_used_where_there_are_any():
    ignored = truth([[1, 1, 3, 3]], size=(6, 6))
    region = unknown_region(ignored, (6, 6), SIZE, torch.device('cpu'))
    assert region[:6, :6].sum() == 4
    assert region.sum() == 4 + 28
    assert unknown_region(None, (8, 8), SIZE, torch.device('cpu')).sum() == 0
