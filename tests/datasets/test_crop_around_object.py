"""Crops around regions of a label map: centred, jittered, blanked, and what happens without any object."""

import numpy as np
import pytest

from mmseg_plugins.datasets.transforms import CropAroundObject
from mmseg_plugins.datasets.transforms.crop_around_object import iou


def scene():
    """100 x 120: a region of class 2 at rows 20..39, columns 30..69, one of class 1 in a corner, void, background."""
    label = np.zeros((100, 120), np.uint8)
    label[20:40, 30:70] = 2
    label[90:, :20] = 1
    label[:5] = 255
    image = np.stack([np.arange(100)[:, None].repeat(120, 1), np.arange(120)[None].repeat(100, 0),
                      np.zeros((100, 120))], -1).astype(np.uint8)
    return dict(img=image, gt_seg_map=label, img_shape=(100, 120))


def crop(seed=0, **settings):
    np.random.seed(seed)
    return CropAroundObject(background=(0, ), **settings).transform(scene())


def test_object_is_in_the_middle_and_image_and_labels_stay_together():
    seen = set()
    for seed in range(8):
        result = crop(seed, margin=1.5, min_side=8)
        if 2 in result['gt_seg_map']:
            assert result['img_shape'] == (30, 60)  # 20 x 40 times 1.5
            assert result['img'][0, 0].tolist() == [15, 20, 0]
        else:
            assert result['img'][-1, 0].tolist() == [99, 0, 0]  # cut at the border
        original = scene()['gt_seg_map']
        rows, columns = result['img'][..., 0].astype(int), result['img'][..., 1].astype(int)
        assert np.array_equal(original[rows, columns], result['gt_seg_map'])
        seen |= set(np.unique(result['gt_seg_map']).tolist()) & {1, 2}
    assert seen == {1, 2}


def test_small_boxes_grow_to_the_least_side():
    shapes = {crop(seed, margin=1, min_side=50)['img_shape'] for seed in range(8)}
    assert (50, 50) in shapes


def test_other_classes_can_become_background_but_void_stays():
    data = scene()
    data['gt_seg_map'][20:40, 30:40] = 1
    data['gt_seg_map'][30:32, 60:65] = 255
    data['gt_seg_map'][90:] = 0
    kept = []
    for seed in range(6):
        np.random.seed(seed)
        result = CropAroundObject(background=(0, ), others=0).transform(dict(data.items()))
        kept.append(set(np.unique(result['gt_seg_map']).tolist()))
    assert {0, 1, 2} not in kept
    assert {0, 2, 255} in kept
    assert {0, 1} <= set().union(*kept)
    assert data['gt_seg_map'][25, 35] == 1, 'the original map must not change'


def test_jittered_boxes_overlap_the_object_enough_and_differ():
    step = CropAroundObject(min_iou=0.5)
    box = np.array([30.0, 20, 70, 40])
    np.random.seed(0)
    boxes = [step._jittered(box) for _ in range(50)]
    overlaps = [iou(box, other) for other in boxes]
    assert min(overlaps) >= 0.5
    assert min(overlaps) < 0.7
    assert iou(box, box) == 1
    assert iou(box, box + 100) == 0


@pytest.mark.parametrize('fill', [0, 255])
def test_picture_without_an_object_is_passed_on_whole(fill):
    data = scene()
    data['gt_seg_map'] = np.full((100, 120), fill, np.uint8)
    result = CropAroundObject(background=(0, )).transform(data)
    assert result['img_shape'] == (100, 120)


def test_specks_are_no_objects():
    data = scene()
    data['gt_seg_map'][20:40, 30:70] = 0
    data['gt_seg_map'][90:] = 0
    data['gt_seg_map'][50, 50] = 2
    assert CropAroundObject(background=(0, )).transform(data)['img_shape'] == (100, 120)


def test_bad_settings_and_sizes_are_named():
    with pytest.raises(ValueError, match=r'margin=0.5 must be at least 1'):
        CropAroundObject(0.5)
    data = scene()
    data['gt_seg_map'] = data['gt_seg_map'][:50]
    with pytest.raises(ValueError, match=r'\(100, 120\) pixels, its label map \(50, 120\)'):
        CropAroundObject().transform(data)
