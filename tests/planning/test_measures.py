"""Distances, overlap, mask resolution, RoI levels, limits and moments against worked examples and slow loops."""

import numpy as np
import pytest
import torch
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from object_tables import scattered, table

from mmseg_plugins.planning.centers import center_distances
from mmseg_plugins.planning.limits import LADDER, beyond, fit_limit
from mmseg_plugins.planning.mask_resolution import stored_iou, stored_ious
from mmseg_plugins.planning.objects import mask_moments
from mmseg_plugins.planning.overlap import overlap
from mmseg_plugins.planning.roi_levels import CANDIDATES, fit_finest_scale, level_shares, roi_levels


def disc(radius, size):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    mask = x**2 + y**2 <= radius**2
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return mask[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]


def test_moments_of_two_masks_that_overlap_and_one_without_a_pixel():
    masks = np.zeros((3, 6, 8), bool)
    masks[0, 1:3, 2:6] = True  # columns 2..5, rows 1..2
    masks[1, 2:4, 5:7] = True  # meets the first at row 2, column 5
    areas, centers, shared, covered = mask_moments(masks)
    assert areas.tolist() == [8, 4, 0]
    assert centers[:2].tolist() == [[3.5, 1.5], [5.5, 2.5]]
    assert np.isnan(centers[2]).all()
    assert shared.tolist() == [1, 1, 0]
    assert covered == (11, 1)
    assert mask_moments(np.zeros((0, 4, 4), bool))[3] == (0, 0)


def test_distances_of_a_worked_example():
    # centers 20 px apart with sides 10 and 20 (ratio 2), the third 100 px away; another input does not count
    boxes = [[[0, 0, 10, 10], [15, -5, 35, 15], [100, 0, 110, 10]], [[0, 0, 10, 10]]]
    found = center_distances(table([(64, 128), (64, 128)], boxes))
    assert found.pairs == 3
    assert found.far_pairs == pytest.approx(2 / 3)
    assert found.different_pairs == 1.0
    assert found.near_objects == 0.5
    assert found.different_objects == 1.0
    assert found.nearest.tolist() == [20.0, 20.0, 80.0, np.inf]


def test_distances_equal_plain_loops():
    objects = scattered(2, objects=30)
    near, ratios, pairs = 0, [], 0
    for i in range(len(objects)):
        for j in range(i):
            if objects.image[i] != objects.image[j]:
                continue
            pairs += 1
            if np.linalg.norm(objects.centers[i] - objects.centers[j]) <= 30:
                near += 1
                ratios.append(max(objects.sizes[i], objects.sizes[j]) / min(objects.sizes[i], objects.sizes[j]))
    found = center_distances(objects)
    assert (found.pairs, found.far_pairs) == (pairs, pytest.approx(1 - near / pairs))
    assert found.different_pairs == pytest.approx(np.mean(np.array(ratios) > 1.5))


def test_lone_objects_have_no_pairs():
    found = center_distances(table([(64, 64)], [[[0, 0, 9, 9]]]))
    assert (found.pairs, found.near_objects) == (0, 0.0)
    assert np.isnan(found.far_pairs)


def test_boxes_of_one_class_above_the_threshold_are_lost_to_nms():
    boxes = [[[0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 9], [50, 50, 60, 60]]]
    objects = table([(64, 64)], boxes, labels=[0, 0, 1, 0])
    found = overlap(objects, 0.5)
    assert found.nms_pairs == pytest.approx(1 / 3)  # of the three pairs of class 0
    assert found.nms_objects == 0.5
    assert overlap(objects, 0.5, class_wise=False).nms_objects == 0.75
    assert overlap(objects, 0.85).nms_objects == 0.0


def test_shares_of_pixels_and_objects_that_overlap():
    objects = table([(64, 64)], [[[0, 0, 10, 10], [5, 0, 15, 10]]])
    objects.shared[:] = 50
    objects.covered[:] = [[150, 50]]
    found = overlap(objects, 0.5)
    assert (found.pixels, found.objects) == (pytest.approx(1 / 3), 1.0)


def test_mask_that_fits_the_grid_loses_nothing_and_a_larger_one_less_at_finer_grids():
    assert stored_iou(np.ones((28, 28), bool), 28) == 1.0
    assert stored_iou(np.ones((300, 7), bool), 28) == 1.0
    mask = np.random.RandomState(0).rand(28, 28) > 0.5
    assert stored_iou(mask, 28) == 1.0
    ious = stored_ious([disc(100, 220)], (7, 14, 28, 56, 112))[0]
    assert (np.diff(ious) > 0).all()
    assert ious[0] > 0.85
    comb = np.zeros((112, 112), bool)
    comb[:, ::4] = True  # teeth thinner than a cell of 28 x 28
    assert stored_iou(comb, 28) < 0.6 < 0.99 < stored_iou(comb, 112)
    assert stored_ious([]).shape == (0, 5)


@pytest.mark.parametrize('finest', [14, 56])
def test_levels_are_those_of_the_stock_extractor(finest):
    sizes = np.array([1.0, 13.9, 27.9, 28, 55.9, 56, 111.9, 112, 223.9, 224, 448, 2000])
    rois = torch.zeros(len(sizes), 5)
    rois[:, 3:] = torch.from_numpy(sizes)[:, None]
    extractor = SingleRoIExtractor(dict(type='RoIAlign', output_size=7), 8, [4, 8, 16, 32], finest)
    assert roi_levels(sizes, finest, 4).tolist() == extractor.map_roi_levels(rois, 4).tolist()


def test_finest_scale_divides_the_objects_or_is_the_least_allowed():
    assert fit_finest_scale(np.geomspace(56, 224, 100), 4) == 56  # half of them lie below 2 * 56
    assert fit_finest_scale(np.full(9, 5.0), 4) == CANDIDATES[0]
    assert level_shares(np.array([10.0, 10, 30, 500]), 14, 4).tolist() == [0.5, 0.25, 0, 0.25]


def test_limit_leaves_out_what_is_beyond_it_and_the_fitted_one_has_room():
    counts = np.array([10, 120, 300])
    assert beyond(counts, 100) == (pytest.approx(220 / 430), 2)
    assert beyond(counts, 300) == (0.0, 0)
    assert fit_limit(counts) == 500
    assert fit_limit(np.array([5])) == LADDER[0]
    assert fit_limit(np.array([20000])) == 25000
