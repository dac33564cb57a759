"""Instance and class maps: which pixel a cell shows, overlaps, what is unknown."""

import numpy as np
import torch
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from mmseg_plugins.models.task_modules.instance_maps import IGNORED, instance_maps, unknown_region

SIZE = (8, 8)


def truth(boxes, labels=None, size=SIZE):
    masks = np.zeros((len(boxes), *size), np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = 1
    labels = torch.zeros(len(boxes)).long() if labels is None else torch.tensor(labels)
    return InstanceData(masks=BitmapMasks(masks, *size), labels=labels)


def known(size=SIZE):
    return torch.zeros(size, dtype=torch.bool)


def test_a_cell_shows_its_middle_pixel():
    ids, classes = instance_maps(truth([[0, 0, 3, 3], [5, 5, 8, 8]], [2, 4]), known(), 4)
    assert ids.tolist() == [[1, 0], [0, 2]]
    assert classes.tolist() == [[3, 0], [0, 5]]
    assert instance_maps(truth([[0, 0, 2, 2]]), known(), 4)[0].sum() == 0


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
