"""PSENet's training images on CTW1500: what the released pipeline does, by stock transforms."""

import numpy as np
import pytest
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from tiny_models import CONFIGS

from mmseg_plugins.config.load import load_config

CONFIG = load_config(CONFIGS / 'psenet/psenet_r50-k7_600e_ctw1500.py')


def pipeline():
    """The training pipeline after loading."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        return Compose(CONFIG.train_pipeline[2:])


def example(height, width):
    mask = np.zeros((1, height, width), np.uint8)
    mask[0, height // 4:height // 2, width // 4:width // 2] = 1
    return dict(
        img=np.full((height, width, 3), 120, np.uint8), img_shape=(height, width), ori_shape=(height, width), img_id=0,
        img_path='a.jpg', gt_masks=BitmapMasks(mask, height, width), gt_bboxes_labels=np.zeros(1, np.int64),
        gt_bboxes=HorizontalBoxes(np.float32([[width // 4, height // 4, width // 2, height // 2]])),
        gt_ignore_flags=np.zeros(1, bool))


@pytest.mark.parametrize('seed', range(3))
def test_images_become_crops_of_736_with_their_masks(seed):
    np.random.seed(seed)
    packed = pipeline()(example(900, 1200))
    height, width = packed['inputs'].shape[1:]
    assert int(736 * 0.7) <= min(height, width) <= max(height, width) <= 736
    assert packed['data_samples'].gt_instances.masks.masks.shape[1:] == (height, width)


def test_every_image_is_rotated_and_its_corners_are_black():
    rotate = [step for step in pipeline().transforms if type(step).__name__ == 'Rotate']
    assert len(rotate) == 1
    np.random.seed(0)
    border = []
    for _ in range(20):
        image = rotate[0](example(200, 300))['img']
        border.append((image != 120).mean())
        assert image.max() == 120  # nothing but the image and black
    assert min(border) > 0
    assert 0.05 < max(border) < 0.2  # 10 degrees


def test_scales_are_the_released_ones():
    resize = CONFIG.train_pipeline[2]
    assert [short for _, short in resize.scales] == [515, 589, 662, 736, 810, 883, 957]
    assert CONFIG.test_pipeline[1].scale == (100000, 736)


def test_brightness_and_saturation_vary_within_the_released_ranges():
    steps = {type(step).__name__: step for step in pipeline().transforms}
    np.random.seed(0)
    means = [steps['Brightness'](example(8, 8))['img'].mean() / 120 for _ in range(50)]
    assert 0.87 < min(means) < 0.95
    assert 1.05 < max(means) < 1.13
    spreads = []
    for _ in range(50):
        data = example(8, 8)
        data['img'][..., 0] = 160
        image = steps['Color'](data)['img'].astype(float)
        spreads.append((image.max() - image.min()) / 40)
    assert 0.4 < min(spreads) < 0.7
    assert 1.3 < max(spreads) < 1.6
