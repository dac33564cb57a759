"""Shrunk kernels: the paper's rates and offsets, polygons' and masks' rule alike, holes, tiny objects."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from mmseg_plugins.models.task_modules.kernel_targets import (
    kernel_targets,
    mask_perimeter,
    shrink_offset,
    shrink_rates,
)


def disc(radius, size=80, center=40):
    y, x = np.mgrid[:size, :size]
    return ((y - center)**2 + (x - center)**2 <= radius**2).astype(np.uint8)


def test_rates_of_the_paper():
    assert shrink_rates(7, 0.4) == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert shrink_rates(2, 0.7) == pytest.approx([0.7])


@pytest.mark.parametrize(('area', 'perimeter', 'rate', 'wanted'), [(2000, 240, 0.4, 7), (800, 120, 0.7, 3),
                                                                   (4, 8, 0.9, 0), (1e6, 4000, 0.4, 20)])
def test_offset_is_rounded_and_limited(area, perimeter, rate, wanted):
    assert shrink_offset(area, perimeter, rate) == wanted


@pytest.mark.parametrize(('height', 'width'), [(20, 100), (37, 41)])
def test_a_rectangle_shrinks_as_its_polygon_does(height, width):
    mask = np.zeros((1, 60, 120), np.uint8)
    mask[0, 10:10 + height, 5:5 + width] = 1
    objects, kernels = kernel_targets(mask, 7, 0.4)
    assert np.array_equal(objects, mask[0])
    for kernel, rate in zip(kernels, shrink_rates(7, 0.4), strict=True):
        d = shrink_offset(height * width, 2 * (height + width), rate)
        wanted = np.zeros_like(objects)
        wanted[10 + d:10 + height - d, 5 + d:5 + width - d] = 1
        assert np.array_equal(kernel, wanted)


def test_the_image_border_is_an_outline():
    _, kernels = kernel_targets(np.ones((1, 20, 20), np.uint8), 2, 0.5)
    assert kernels[0].sum() == (20 - 2 * shrink_offset(400, 80, 0.5))**2


def test_an_object_that_a_crop_cuts_has_smaller_kernels_than_the_original_gives_it():
    whole = np.zeros((1, 60, 60), np.uint8)
    whole[0, 10:50, 10:50] = 1
    (_, shrunk_first), (_, crop_first) = kernel_targets(whole, 2, 0.4), kernel_targets(whole[:, :, :30], 2, 0.4)
    shrunk_first = shrunk_first[0, :, :30]
    assert crop_first.sum() < shrunk_first.sum()
    assert not crop_first[0, :, -3:].any()
    assert shrunk_first[20:40, -3:].all()


@pytest.mark.parametrize('radius', [10, 25])
def test_a_disc_loses_the_offset_from_its_radius_and_kernels_are_nested(radius):
    mask = disc(radius)
    _, kernels = kernel_targets(mask[None], 7, 0.4)
    areas = [int(k.sum()) for k in kernels]
    assert areas == sorted(areas, reverse=True)
    assert all((small <= large).all() for large, small in pairwise(kernels))
    for area, rate in zip(areas, shrink_rates(7, 0.4), strict=True):
        d = shrink_offset(mask.sum(), mask_perimeter(mask), rate)
        assert area == pytest.approx(np.pi * (radius - d)**2, rel=0.12)


def test_touching_objects_come_apart_but_each_keeps_a_kernel():
    masks = np.zeros((2, 30, 40), np.uint8)
    masks[0, 5:25, 2:20] = masks[1, 5:25, 20:38] = 1
    objects, kernels = kernel_targets(masks, 4, 0.5)
    assert cv2.connectedComponents(objects)[0] - 1 == 1
    assert cv2.connectedComponents(kernels[-1])[0] - 1 == 2


def test_a_ring_keeps_its_hole_and_stays_whole():
    ring = disc(20) - disc(10)
    _, kernels = kernel_targets(ring[None], 4, 0.5)
    assert kernels[-1][40, 40] == 0
    assert cv2.connectedComponents(kernels[-1])[0] - 1 == 1
    assert kernels[-1].sum() == pytest.approx(0.25 * ring.sum(), rel=0.5)


def test_perimeters():
    rectangle = np.zeros((20, 30), np.uint8)
    rectangle[3:10, 4:25] = 1
    assert mask_perimeter(rectangle) == 2 * (7 + 21)
    rectangle[5:7, 10:15] = 0
    # The outline of a hole is cut at its corners: 4 - 4 / sqrt(2) for each of them less than the true 14.
    assert mask_perimeter(rectangle) == pytest.approx(2 * (7 + 21) + 14, abs=2.5)
    assert mask_perimeter(np.zeros((4, 4), np.uint8)) == 0


def test_an_object_that_would_vanish_is_its_own_kernel():
    masks = np.zeros((2, 12, 12), np.uint8)
    masks[0, 3, 4] = 1
    masks[1, 6:8, 2:9] = 1
    _, kernels = kernel_targets(masks, 7, 0.4)
    assert all(kernel[3, 4] == 1 for kernel in kernels)
    assert all(kernel[6:8].any() for kernel in kernels)


def test_no_object_and_an_empty_mask():
    objects, kernels = kernel_targets(np.zeros((0, 6, 7), np.uint8))
    assert (objects.shape, kernels.shape, objects.sum(), kernels.sum()) == ((6, 7), (6, 6, 7), 0, 0)
    assert kernel_targets(np.zeros((1, 6, 7), np.uint8))[1].sum() == 0
