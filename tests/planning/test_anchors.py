"""Best anchors equal those of mmdet's own grid; the fewest scales that fit are found."""

import numpy as np
import pytest
import torch
from mmdet.models.task_modules.prior_generators import anchor_inside_flags
from mmdet.registry import TASK_UTILS
from mmdet.structures.bbox import bbox_overlaps
from object_tables import scattered, table

from mmseg_plugins.planning.anchors import best_ious, fit_scales, with_scales

FPN = dict(type='mmdet.AnchorGenerator', scales=[2.0, 3.5], ratios=[0.5, 1.0, 2.0], strides=[4, 8, 16, 32])
SINGLE = dict(type='mmseg_plugins.RoundedAnchorGenerator', scales=[1, 2, 4], ratios=[0.5, 1.0, 2.0], strides=[16])
OCTAVE = dict(type='mmdet.AnchorGenerator', octave_base_scale=3, scales_per_octave=2, ratios=[1.0], strides=[8, 16],
              center_offset=0.5)


def listed(objects, generator, border):
    """Best IoU of each object, from all anchors that the host makes for its input."""
    built = TASK_UTILS.build(dict(generator))
    best = []
    for index, (size, padded) in enumerate(zip(objects.inputs, objects.padded, strict=True)):
        shapes = [tuple(-(-int(side) // s) for side, s in zip(padded, stride[::-1], strict=True))
                  for stride in built.strides]
        anchors = torch.cat(built.grid_priors(shapes, dtype=torch.float64, device='cpu'))
        valid = torch.ones(len(anchors), dtype=torch.bool)
        anchors = anchors[anchor_inside_flags(anchors, valid, tuple(int(s) for s in size), border)]
        boxes = torch.from_numpy(objects.boxes[objects.image == index])
        best.append(bbox_overlaps(boxes, anchors).max(dim=1)[0].numpy() if len(anchors) else np.zeros(len(boxes)))
    return np.concatenate(best)


@pytest.mark.parametrize('border', [-1, 0, 6])
@pytest.mark.parametrize('generator', [FPN, SINGLE, OCTAVE], ids=['pyramid', 'one map, rounded', 'octaves'])
def test_best_iou_is_that_of_every_anchor_listed(generator, border):
    objects = scattered()
    assert best_ious(objects, generator, border) == pytest.approx(listed(objects, generator, border), abs=1e-9)


def test_object_that_is_an_anchor_has_iou_one_and_inputs_without_room_have_none():
    generator = dict(FPN, scales=[4], ratios=[1.0], strides=[8])
    assert best_ious(table([(64, 64)], [[[0, 0, 32, 32]]]), generator) == pytest.approx(1.0)
    small = table([(24, 24)], [[[0, 0, 20, 20]]])
    assert best_ious(small, generator, 0).tolist() == [0.0]  # no anchor of 32 px lies inside 24 px


def test_one_scale_is_enough_for_objects_that_double_with_the_levels():
    half = np.array([2.52 * stride / 2 for stride in (4, 8, 16)])
    middles = [(48, 32), (64, 80), (96, 96)]  # places of the grids
    boxes = [[x - h, y - h, x + h, y + h] for (x, y) in middles for h in half]
    fitted = fit_scales(table([(160, 160)], [boxes]), dict(FPN, scales=[8]))
    assert fitted.scales == [2.52]
    assert fitted.ious == pytest.approx(1.0)


def test_wide_sizes_on_one_map_need_several_scales_and_few_are_taken():
    objects = scattered(objects=80, size=(640, 640), sides=(20, 300))
    fitted = fit_scales(objects, SINGLE)
    all_of_them = best_ious(objects, with_scales(SINGLE, [round(2 ** (e / 6), 2) for e in range(-6, 31)]))
    target = 0.95 * (all_of_them >= 0.5).mean()
    assert (fitted.ious >= 0.5).mean() >= target
    assert 2 <= len(fitted.scales) <= 6
    without_one = [best_ious(objects, with_scales(SINGLE, fitted.scales[:-1])),
                   best_ious(objects, with_scales(SINGLE, fitted.scales[1:]))]
    assert all((ious >= 0.5).mean() < target for ious in without_one)
    steps = np.diff(np.log2(fitted.scales))
    assert np.allclose(steps, steps[0], atol=0.03)  # evenly spaced
    assert fitted.ious == pytest.approx(best_ious(objects, with_scales(SINGLE, fitted.scales)))


def test_objects_that_no_scale_reaches_do_not_ask_for_more_scales():
    needle = [[x, 0, x + 2, 90] for x in range(0, 90, 4)]
    square = [[20, 20, 40, 40], [50, 50, 70, 70]]
    fitted = fit_scales(table([(96, 96)], [needle + square]), dict(FPN, ratios=[1.0]))
    assert len(fitted.scales) == 1
    assert fitted.ious[-2:].min() > 0.6


def test_fit_is_the_same_again():
    objects = scattered(seed=4)
    assert fit_scales(objects, FPN).scales == fit_scales(objects, FPN).scales


def test_scales_replace_octaves():
    assert with_scales(OCTAVE, [1.5]) == dict(
        type='mmdet.AnchorGenerator', ratios=[1.0], strides=[8, 16], center_offset=0.5, scales=[1.5])
