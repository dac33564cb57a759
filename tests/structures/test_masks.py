"""Masks to boxes, RLE and polygons."""

import numpy as np
import pytest
from pycocotools import mask as mask_api

from mmseg_plugins.structures.masks import mask_box, mask_polygons
from mmseg_plugins.structures.rle import encode_mask, iter_masks


def back(polygons, shape):
    return mask_api.decode(mask_api.merge(mask_api.frPyObjects(polygons, *shape))).astype(bool)


def test_box_of_one_pixel():
    mask = np.zeros((9, 9), bool)
    mask[3, 5] = True
    assert mask_box(mask) == (5, 3, 6, 4)
    assert mask_box(np.zeros((4, 4), bool)) is None


def test_polygon_of_one_pixel_runs_along_its_edges():
    mask = np.zeros((9, 9), bool)
    mask[3, 5] = True
    (polygon,) = mask_polygons(mask)
    assert sorted(zip(polygon[::2], polygon[1::2], strict=True)) == [(5, 3), (5, 4), (6, 3), (6, 4)]


@pytest.mark.parametrize('box', [(0, 0, 20, 15), (3, 4, 4, 12), (7, 2, 19, 3), (10, 10, 11, 11)])
def test_rectangles_come_back_exactly(box):
    mask = np.zeros((15, 20), bool)
    mask[box[1]:box[3], box[0]:box[2]] = True
    assert np.array_equal(back(mask_polygons(mask), mask.shape), mask)


def test_any_mask_without_holes_comes_back_exactly():
    y, x = np.mgrid[:60, :60]
    disc = (x - 30) ** 2 + (y - 28) ** 2 < 19**2
    ragged = disc & (np.random.RandomState(0).rand(60, 60) > 0.5)
    ragged[:, ::3] |= disc[:, ::3]  # columns that reach the rim leave no closed hole
    ragged &= (x % 3 != 1)
    for mask in (disc, ragged):
        assert np.array_equal(back(mask_polygons(mask), mask.shape), mask)


def test_pixels_that_touch_by_a_corner_are_two_parts():
    assert mask_polygons(np.eye(2, dtype=bool)) == [[0, 0, 1, 0, 1, 1, 0, 1], [1, 1, 2, 1, 2, 2, 1, 2]]


def test_a_hole_is_joined_to_its_outline_by_an_upright_seam():
    ring = np.ones((5, 5), bool)
    ring[2, 2] = False
    assert mask_polygons(ring) == [[0, 0, 2, 0, 2, 2, 2, 3, 3, 3, 3, 2, 2, 2, 2, 0, 5, 0, 5, 5, 0, 5]]
    assert np.array_equal(back(mask_polygons(ring), ring.shape), ring)


def test_holes_inside_each_other_next_to_each_other_and_touching_come_back_exactly():
    rings = np.zeros((23, 23), bool)
    for ring, inset in enumerate(range(0, 12, 2)):
        rings[inset:23 - inset, inset:23 - inset] = ring % 2 == 0
    random = np.random.RandomState(1)
    cases = [rings, np.indices((9, 9)).sum(axis=0) % 2 == 0]
    cases += [random.rand(12, 17) < share for share in (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9) for _ in range(8)]
    for mask in cases:
        assert np.array_equal(back(mask_polygons(mask), mask.shape), mask)


def test_each_part_has_its_polygon_and_an_empty_mask_none():
    mask = np.zeros((20, 20), bool)
    mask[2:5, 2:5] = mask[10:15, 10:12] = True
    assert len(mask_polygons(mask)) == 2
    assert np.array_equal(back(mask_polygons(mask), mask.shape), mask)
    assert mask_polygons(np.zeros((5, 5), bool)) == []


def test_rle_survives_json_types_and_decodes_to_the_mask():
    mask = np.random.RandomState(0).rand(13, 7) > 0.5
    rle = encode_mask(mask)
    assert isinstance(rle['counts'], str)
    assert rle['size'] == [13, 7]
    assert np.array_equal(next(iter_masks([rle])), mask)


def test_uncompressed_rle_is_decoded():
    assert next(iter_masks([dict(size=[2, 2], counts=[1, 2, 1])])).tolist() == [[False, True], [True, False]]
