"""SOLO's targets against the slow rule of the original, OpenCV, and stock mmdet."""

import cv2
import numpy as np
import pytest
import torch
from solo_heads import fixed_head, random_samples
from solo_rules import slow_targets

from mmseg_plugins.models.task_modules.solo_targets import (
    assign_cells,
    center_cells,
    last_owner,
    line_sums,
    mask_centers,
    shrink_masks,
)

RULE = dict(pos_scale=0.2, num_classes=4)


def targets_of(sample, **kwargs):
    gt = sample.gt_instances
    masks = torch.from_numpy(gt.masks.masks)
    centers, areas = mask_centers(masks)
    return assign_cells(centers, areas, gt.bboxes, gt.labels, size=masks.shape[1:], **kwargs, **RULE)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(('grid', 'scale_range', 'ratio'), [(6, (1, 40), 4), (40, (1, 2048), 4), (9, (20, 80), 8)])
@pytest.mark.parametrize(('size', 'count'), [((64, 96), 5), ((128, 96), 60)])
def test_the_original_rule_cell_by_cell(seed, grid, scale_range, ratio, size, count):
    gt = random_samples(seed, [count], size)[0]
    found = targets_of(gt, num_grid=grid, scale_range=scale_range)
    gt = gt.gt_instances
    small = shrink_masks(torch.from_numpy(gt.masks.masks), ratio)
    classes, drawn, pairs = slow_targets(gt.masks.masks, gt.bboxes, gt.labels, size=size, num_grid=grid,
                                         scale_range=scale_range, ratio=ratio, **RULE)
    assert found.labels.tolist() == classes.tolist()
    assert list(zip(found.cells.tolist(), found.objects.tolist(), strict=True)) == [pair[:2] for pair in pairs]
    assert all(np.array_equal(small[o], mask) for o, (_, _, mask) in zip(found.objects, pairs, strict=True))
    owner = last_owner(found.cells, found.objects, grid**2)
    assert sorted(drawn) == (owner >= 0).nonzero().flatten().tolist()
    assert all(np.array_equal(small[owner[cell]], mask) for cell, mask in drawn.items())
    assert len(pairs) > 0


@pytest.mark.parametrize('ratio', [2, 4, 8, 16])
def test_shrunk_masks_are_opencvs(ratio):
    rng = np.random.RandomState(ratio)
    masks = (rng.rand(20, 64, 96) < rng.rand(20, 1, 1)).astype(np.uint8)
    wanted = np.stack([cv2.resize(m, (96 // ratio, 64 // ratio), interpolation=cv2.INTER_LINEAR) for m in masks])
    assert np.array_equal(shrink_masks(torch.from_numpy(masks), ratio).numpy(), wanted)
    assert 0.2 < wanted.mean() < 0.8


@pytest.mark.parametrize('ratio', [2, 4, 8, 16])
@pytest.mark.parametrize('size', [(72, 100), (55, 33), (46, 97)])
def test_shrunk_masks_are_opencvs_where_the_ratio_does_not_divide_the_sides(ratio, size):
    rng = np.random.RandomState(ratio)
    noise = (rng.rand(20, *size) < rng.rand(20, 1, 1)).astype(np.uint8)
    masks = np.concatenate([noise, random_samples(ratio, [20], size)[0].gt_instances.masks.masks])
    small = (int(size[1] / ratio + 0.5), int(size[0] / ratio + 0.5))
    wanted = np.stack([cv2.resize(m, small, interpolation=cv2.INTER_LINEAR) for m in masks])
    assert np.array_equal(shrink_masks(torch.from_numpy(masks), ratio).numpy(), wanted)
    assert 0.1 < wanted.mean() < 0.8


def test_odd_ratios_are_refused():
    with pytest.raises(ValueError, match=r'30 x 64.*3 times.*must be even'):
        shrink_masks(torch.zeros(1, 30, 64), 3)
    assert torch.equal(shrink_masks(torch.eye(3)[None], 1)[0], torch.eye(3, dtype=torch.uint8))


@pytest.mark.parametrize('kind', ['SOLOHead', 'SOLOV2Head'])
@pytest.mark.parametrize('seed', range(3))
def test_stock_mmdet_builds_the_same_targets(kind, seed):
    sample = random_samples(seed, [30], (64, 96))[0]
    head, stock = fixed_head(kind), fixed_head(kind, 'mmdet')
    target = head.image_targets(sample.gt_instances, torch.device('cpu'))
    if kind == 'SOLOHead':
        sizes = [(128 // s, 192 // s) for s in head.strides]
        masks, labels, positives = stock._get_targets_single(sample.gt_instances, featmap_sizes=sizes)
        for level in range(5):
            cells, wanted = head.level_masks(target, level)
            assert torch.equal(cells, positives[level].nonzero().flatten())
            assert torch.equal(wanted.reshape(masks[level].shape), masks[level])
    else:
        masks, labels, _, indices = stock._get_targets_single(sample.gt_instances, featmap_sizes=(16, 24))
        for level in range(5):
            assert target.levels[level].cells.tolist() == indices[level]
            assert torch.equal(target.masks[4][target.levels[level].objects], masks[level])
    for level in range(5):
        assert torch.equal(target.levels[level].labels, labels[level].flatten())


def test_a_centre_region_has_one_to_three_cells_a_side():
    """On a 100 x 100 image of 10 x 10 cells: a box of 4 px stays in its cell, one of 90 px is cut to its neighbours."""
    centers = torch.tensor([[55.0, 55.0], [55.0, 55.0], [1.0, 99.0]], dtype=torch.float64)
    boxes = torch.tensor([[53.0, 53, 57, 57], [10, 10, 100, 100], [60, 0, 100, 90]])
    first, last = center_cells(centers, boxes, (100, 100), 10, 0.2)
    assert first.tolist() == [[5, 5], [4, 4], [0, 9]]
    assert last.tolist() == [[5, 5], [6, 6], [1, 9]]


def test_an_object_without_pixels_and_no_object_at_all_claim_nothing():
    sample = random_samples(0, [3], (64, 64))[0]
    sample.gt_instances.masks.masks[1] = 0
    found = targets_of(sample, num_grid=8, scale_range=(1, 2048))
    assert set(found.objects.tolist()) == {0, 2}
    empty = targets_of(random_samples(0, [0], (64, 64))[0], num_grid=8, scale_range=(1, 2048))
    assert empty.labels.tolist() == [4] * 64
    assert len(empty.cells) == len(empty.objects) == 0


@pytest.mark.parametrize(('least', 'wanted'), [(1, {0, 1, 2}), (9, {1, 2}), (10, {2}), (11, set())])
def test_objects_of_fewer_pixels_than_the_least_area_claim_nothing(least, wanted):
    sample = random_samples(0, [3], (64, 64))[0]
    masks = sample.gt_instances.masks.masks
    masks[:] = 0
    for mask, area in zip(masks, (8, 9, 10), strict=True):
        mask[5, 20:20 + area] = 1
    sample.gt_instances.bboxes = torch.tensor([[20.0, 5, 30, 6]] * 3)
    found = targets_of(sample, num_grid=8, scale_range=(1, 2048), min_area=least)
    assert set(found.objects.tolist()) == wanted


@pytest.mark.parametrize('size', [(3, 5), (8, 16), (600, 9), (7, 4200), (520, 2048)])
def test_sums_of_rows_and_columns_do_not_overflow_their_bytes(size):
    masks = torch.rand(2, *size) < torch.tensor([0.5, 1.1])[:, None, None]  # the second one is full
    rows, columns = line_sums(masks)
    assert torch.equal(rows, masks.sum(2))
    assert torch.equal(columns, masks.sum(1))


def test_the_centre_of_mass_is_that_of_pixel_indices():
    mask = torch.zeros(2, 8, 10)
    mask[0, 2:4, 4:8] = 1
    centers, areas = mask_centers(mask)
    assert centers.tolist() == [[2.5, 5.5], [0, 0]]
    assert areas.tolist() == [8, 0]
