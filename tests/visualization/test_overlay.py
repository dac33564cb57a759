"""draw_instances: sizes, colours, text where it fits, errors."""

import numpy as np
import pytest
from pycocotools import mask as mask_api

from mmseg_plugins.visualization import draw_instances
from mmseg_plugins.visualization.overlay import legible_scale

GRAY = np.full((64, 64, 3), 90, np.uint8)


def two_masks():
    masks = np.zeros((2, 64, 64), bool)
    masks[0, 8:28, 8:28] = True
    masks[1, 8:28, 28:48] = True  # touches the first
    return masks


@pytest.mark.parametrize(('size', 'scale'), [(64, 8), (256, 2), (480, 1), (2000, 1), (1, 512)])
def test_small_pictures_are_enlarged_by_a_whole_factor(size, scale):
    assert legible_scale(size, size) == scale


def test_picture_has_the_enlarged_size_and_the_input_is_left_alone():
    before = GRAY.copy()
    drawn = draw_instances(GRAY, two_masks(), labels=[0, 0])
    assert drawn.shape == (512, 512, 3)
    assert drawn.dtype == np.uint8
    assert np.array_equal(GRAY, before)


def test_mask_is_coloured_where_it_is_and_nowhere_else():
    drawn = draw_instances(GRAY, two_masks()[:1], show_text=False)
    changed = (drawn != 90).any(axis=2)
    inside = np.zeros((512, 512), bool)
    inside[64:224, 64:224] = True
    assert changed[inside].all()
    assert not changed[~dilate(inside, 3)].any()


def dilate(mask, reach):
    grown = mask.copy()
    for shift in range(-reach, reach + 1):
        for axis in (0, 1):
            grown |= np.roll(mask, shift, axis)
    return grown


def test_touching_instances_have_distinct_colours():
    drawn = draw_instances(GRAY, two_masks(), show_text=False).astype(int)
    left, right = drawn[140, 140], drawn[140, 300]
    assert np.abs(left - right).sum() > 60


def test_rle_and_dense_masks_give_the_same_picture():
    masks = two_masks()
    rles = [mask_api.encode(np.asfortranarray(mask, np.uint8)) for mask in masks]
    assert np.array_equal(draw_instances(GRAY, masks), draw_instances(GRAY, rles))


def test_boxes_alone_are_drawn_and_clipped_to_the_picture():
    drawn = draw_instances(GRAY, boxes=np.array([[-10.0, -10.0, 30.0, 30.0]]), show_text=False)
    assert (drawn[0, 100] != 90).any()  # the upper edge, moved onto the picture
    assert (drawn[200, 200] == 90).all()


def test_box_outside_not_finite_or_empty_mask_is_left_out():
    boxes = np.array([[100.0, 100, 120, 120], [np.nan, 0, 5, 5], [5, 5, 5, 5]])
    assert (draw_instances(GRAY, boxes=boxes) == 90).all()
    assert (draw_instances(GRAY, np.zeros((1, 64, 64), bool)) == 90).all()


def test_name_and_score_are_written_next_to_few_instances():
    masks = two_masks()[:1]
    plain = draw_instances(GRAY, masks, show_text=False)
    named = draw_instances(GRAY, masks, labels=[1], scores=[0.5], class_names=['disc', 'Großer Kreis'])
    other = draw_instances(GRAY, masks, labels=[1], scores=[0.9], class_names=['disc', 'Großer Kreis'])
    assert (plain != named).any()
    assert (other != named).any()


def test_hundreds_of_small_instances_get_no_text_over_them():
    rng = np.random.RandomState(0)
    corners = np.stack(np.meshgrid(np.arange(0, 500, 20), np.arange(0, 500, 20)), -1).reshape(-1, 2)
    boxes = np.concatenate([corners, corners + 17], axis=1).astype(float)
    scores = rng.rand(len(boxes))
    image = np.full((520, 520, 3), 90, np.uint8)
    with_text = draw_instances(image, None, boxes, np.zeros(len(boxes)), scores, ['a long nucleus name', 'other'])
    without = draw_instances(image, None, boxes, show_text=False)
    assert np.array_equal(with_text, without)


def test_unknown_class_index_and_no_instances_are_fine():
    assert draw_instances(GRAY, two_masks()[:1], labels=[7], class_names=['disc']).shape == (512, 512, 3)
    assert (draw_instances(GRAY, np.zeros((0, 64, 64)), np.zeros((0, 4)), [], [], ['disc']) == 90).all()


def test_one_pixel_mask_is_visible():
    mask = np.zeros((1, 64, 64), bool)
    mask[0, 63, 63] = True
    drawn = draw_instances(GRAY, mask, show_text=False)
    assert (drawn[504:, 504:] != 90).any(axis=2).all()


def test_grey_and_float_pictures_are_accepted():
    assert draw_instances(GRAY[:, :, 0]).shape == (512, 512, 3)
    assert draw_instances(np.linspace(-2, 2, 64 * 64).reshape(64, 64)).max() > 250


def test_different_numbers_are_refused():
    with pytest.raises(ValueError, match=r"'masks': 2.*'scores': 1"):
        draw_instances(GRAY, two_masks(), scores=[0.5])


def test_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r'mask 0 is \(32, 32\), the image \(64, 64\)'):
        draw_instances(GRAY, np.ones((1, 32, 32), bool))
