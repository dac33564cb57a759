"""Random blur: as often as asked, by OpenCV's kernel, images only."""

import numpy as np
import pytest

from mmseg_plugins.datasets.transforms import RandomGaussianBlur


def sample(seed=0):
    rng = np.random.RandomState(seed)
    return dict(img=rng.randint(0, 256, (20, 24, 3), np.uint8), gt_seg_map=rng.randint(0, 5, (20, 24), np.uint8))


def test_images_are_blurred_and_maps_are_not():
    point = dict(img=np.zeros((9, 9, 3), np.uint8), gt_seg_map=np.eye(9, dtype=np.uint8))
    point['img'][4, 4] = 255
    after = RandomGaussianBlur(prob=1.0)(point)
    line = np.array([1, 4, 6, 4, 1]) / 16
    assert np.allclose(after['img'][2:7, 2:7, 0], 255 * line[:, None] * line, atol=0.51)
    assert np.array_equal(after['gt_seg_map'], np.eye(9, dtype=np.uint8))


def test_it_blurs_as_often_as_asked():
    np.random.seed(0)
    blur, before = RandomGaussianBlur(prob=0.5), sample()['img']
    changed = [not np.array_equal(blur(sample())['img'], before) for _ in range(200)]
    assert 80 < sum(changed) < 120
    assert np.array_equal(RandomGaussianBlur(prob=0.0)(sample())['img'], before)


@pytest.mark.parametrize(('options', 'words'), [(dict(kernel=4), 'kernel=4.*Fix: 5'), (dict(prob=1.5), 'prob=1.5')])
def test_values_without_a_meaning_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        RandomGaussianBlur(**options)
