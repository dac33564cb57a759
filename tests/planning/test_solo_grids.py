"""Levels, cells and collisions as SOLO's own targets have them; ranges and grids by the written rule."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from mmdet.models.dense_heads.solo_head import SOLOHead
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData
from object_tables import scattered, table

from mmseg_plugins.planning.solo_grids import fit_grids, fit_ranges, grid_cells, grid_collisions, in_range

COCO_RANGES = ((1, 96), (48, 192), (96, 384), (192, 768), (384, 2048))
COCO_GRIDS = [40, 36, 24, 16, 12]


def slow_cells(objects, ranges, grids):
    """For each level a list of (object, input, row, column), by plain loops over the original's formula."""
    levels = []
    for (low, high), grid in zip(ranges, grids, strict=True):
        cells = []
        for n in range(len(objects)):
            x1, y1, x2, y2 = objects.boxes[n]
            if low <= ((x2 - x1) * (y2 - y1)) ** 0.5 <= high:
                height, width = objects.padded[objects.image[n]]
                column, row = (int(c / side // (1 / grid)) for c, side in
                               zip(objects.centers[n], (width, height), strict=True))
                cells.append((n, objects.image[n], row, column))
        levels.append(cells)
    return levels


@pytest.mark.parametrize('seed', [0, 1])
def test_collisions_equal_those_of_plain_loops(seed):
    objects = scattered(seed, objects=60)
    ranges, grids = ((1, 20), (10, 40), (20, 2048)), (12, 7, 3)
    levels = slow_cells(objects, ranges, grids)
    found = grid_collisions(objects, ranges, grids)
    met = np.zeros((len(objects), 3), bool)
    member = np.zeros_like(met)
    for k, cells in enumerate(levels):
        for n, *place in cells:
            member[n, k] = True
            met[n, k] = sum(other[1:] == tuple(place) for other in cells) > 1
    assert found.level_objects.tolist() == member.sum(axis=0).tolist()
    assert found.level_shares == pytest.approx(met.sum(axis=0) / member.sum(axis=0))
    assert found.collides == pytest.approx(met.any(axis=1).mean())
    assert found.lost == pytest.approx((~(member & ~met).any(axis=1)).mean())
    assert 0 < found.collides < 1
    assert 0 < found.lost < found.collides


def test_cell_is_the_one_that_the_stock_head_trains():
    # stock SOLOHead with pos_scale 0 makes exactly the center cell positive
    objects = table([(64, 96)], [[[5, 9, 14, 20]], ])
    mask = np.zeros((1, 64, 96), np.uint8)
    mask[0, 9:20, 5:14] = 1
    truth = InstanceData(bboxes=torch.from_numpy(objects.boxes).float(), labels=torch.tensor([0]),
                         masks=BitmapMasks(mask, 64, 96))
    head = SOLOHead(1, 8, feat_channels=8, stacked_convs=1, strides=(8, ), scale_ranges=((1, 2048), ), num_grids=[11],
                    pos_scale=0.0, norm_cfg=None)
    _, _, positive = head._get_targets_single(truth, featmap_sizes=[(16, 24)])
    assert positive[0].nonzero().flatten().tolist() == grid_cells(objects, 11).tolist()


def test_ranges_and_grids_must_agree_in_number():
    with pytest.raises(ValueError, match='2 scale_ranges and 1 num_grids'):
        grid_collisions(scattered(), ((1, 9), (5, 99)), [4])


def test_objects_beyond_every_range_and_empty_masks_are_lost():
    objects = table([(64, 64)], [[[0, 0, 8, 8], [30, 30, 50, 50]]])
    found = grid_collisions(objects, ((10, 100), ), [8])
    assert (found.without_level, found.lost, found.collides) == (0.5, 0.5, 0.0)
    objects.areas[1] = 0
    assert grid_collisions(objects, ((1, 100), ), [8]).lost == 0.5


def test_original_ranges_follow_from_their_boundaries():
    # boundaries 48 * 2^k * sqrt(2) are the quantiles of sizes drawn evenly around them
    bounds = 48 * 2.0 ** np.arange(4) * np.sqrt(2)
    sizes = np.interp(np.linspace(0, 1, 100001), np.arange(6) / 5, [10, *bounds, 2000])
    ranges = fit_ranges(sizes, (8, 8, 16, 32, 32))
    assert np.abs(np.array(ranges) - np.array(COCO_RANGES)).max() <= 1  # rounded outwards


def test_no_level_takes_objects_smaller_than_its_stride_and_ranges_grow():
    sizes = np.full(500, 12.0)
    ranges = fit_ranges(sizes, (4, 8, 16, 32))
    assert ranges == [(1, 17), (8, 32), (16, 64), (32, 2048)]
    low = [first for first, _ in ranges]
    assert all(first >= stride for first, stride in zip(low[1:], (8, 16, 32), strict=True))
    assert in_range(sizes, ranges).any(axis=1).all()
    assert fit_ranges(np.array([5000.0]), (8, )) == [(1, 5000)]


def test_every_size_has_a_level_and_ranges_overlap_twofold():
    sizes = np.random.RandomState(0).gamma(2, 15, 1000) + 2
    ranges = fit_ranges(sizes, (8, 8, 16, 32, 32))
    assert in_range(sizes, ranges).any(axis=1).all()
    for (_, high), (low, _) in pairwise(ranges):
        assert 1.8 < high / low < 2.3


def test_grid_is_the_smallest_that_keeps_objects_apart():
    boxes = [[x, y, x + 8, y + 8] for x in range(0, 256, 20) for y in range(0, 256, 20)]
    objects = table([(256, 256)], [boxes])
    grids = fit_grids(objects, [(1, 2048)] * 2, (8, 32))
    assert grids[1] == 8  # the map of stride 32 has no more cells
    shares = {grid: grid_collisions(objects, [(1, 2048)], [grid]).level_shares[0] for grid in (12, 16, grids[0])}
    assert shares[grids[0]] <= 0.02
    assert min(shares[12], shares[16]) > 0.02 or grids[0] <= 16
    assert grids == fit_grids(objects, [(1, 2048)] * 2, (8, 32))


def test_coco_grids_leave_large_objects_of_large_inputs_apart():
    objects = table([(800, 1333)], [[[100, 100, 300, 300], [600, 200, 900, 500]]])
    assert grid_collisions(objects, COCO_RANGES, COCO_GRIDS).lost == 0
