"""Images without labels, crops of random area and shape, and masks in blocks."""

import random

import cv2
import numpy as np
import pytest

from mmseg_plugins.datasets.image_folder import ImageFolderDataset
from mmseg_plugins.datasets.transforms import BlockMasking, RandomResizedCrop
from mmseg_plugins.utils.errors import UserError


@pytest.fixture(autouse=True)
def _seeded():
    state = random.getstate()
    random.seed(0)
    yield
    random.setstate(state)


def write(path, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((*size, 3), 7, np.uint8))


def test_images_of_folders_in_the_order_of_names(tmp_path):
    for name in ('b/2.png', 'b/deep/1.JPG', 'a/3.png', 'a/._3.png'):
        write(tmp_path / name)
    (tmp_path / 'a/notes.txt').write_text('no image')
    dataset = ImageFolderDataset([str(tmp_path / 'b'), str(tmp_path / 'a')], pipeline=[dict(type='LoadImageFromFile')])
    found = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    assert found == [str(tmp_path / name) for name in ('b/2.png', 'b/deep/1.JPG', 'a/3.png')]
    assert dataset[0]['img'].shape == (8, 8, 3)
    assert len(ImageFolderDataset(str(tmp_path / 'a'))) == 1
    assert len(ImageFolderDataset(data_root=str(tmp_path))) == 3
    assert len(ImageFolderDataset(['b'], data_root=str(tmp_path))) == 2


def test_folders_without_images_are_named(tmp_path):
    with pytest.raises(UserError, match=r'nowhere is no folder\. Fix: correct folders'):
        ImageFolderDataset(str(tmp_path / 'nowhere'))
    with pytest.raises(UserError, match='holds no image'):
        ImageFolderDataset(str(tmp_path))


def masks(count, **kwargs):
    step = BlockMasking(**kwargs)
    return [step(dict())['token_mask'] for _ in range(count)]


def test_masks_cover_at_most_105_of_256_patches_and_mostly_just_that():
    counts = [int(mask.sum()) for mask in masks(200)]
    assert max(counts) == 105
    assert min(counts) > 80
    assert np.mean(counts) > 102
    assert {mask.shape for mask in masks(2)} == {(16, 16)}


def test_masks_are_blocks():
    """A patch that is masked has mostly masked neighbors: single ones drawn at random would have 41 %."""
    neighbors = [np.mean(mask[:, 1:][mask[:, :-1]]) for mask in masks(50)]
    assert np.mean(neighbors) > 0.75


@pytest.mark.parametrize('grid', [(8, 8), (4, 6), (2, 2)])
def test_other_grids_mask_the_same_share(grid):
    most = grid[0] * grid[1] * 105 // 256
    found = masks(50, grid=grid)
    assert {mask.shape for mask in found} == {grid}
    assert all(mask.sum() <= most for mask in found)
    assert any(mask.sum() == most for mask in found)


def test_crops_lie_in_the_image_and_have_the_area_and_shape_that_were_asked_for():
    step = RandomResizedCrop(16, scale=(0.2, 0.5), ratio=(0.5, 2.0))
    parts = [step._part(60, 90) for _ in range(200)]
    assert all(0 <= top <= 60 - height and 0 <= left <= 90 - width for top, left, height, width in parts)
    areas = [height * width / 5400 for _, _, height, width in parts]
    ratios = [width / height for _, _, height, width in parts]
    assert 0.19 < min(areas) < 0.25
    assert 0.45 < max(areas) < 0.52
    assert 0.48 < min(ratios) < 0.7
    assert 1.4 < max(ratios) < 2.1


def test_a_crop_becomes_a_square():
    results = RandomResizedCrop(16)(dict(img=np.full((40, 30, 3), 9, np.uint8)))
    assert results['img'].shape == (16, 16, 3)
    assert results['img_shape'] == (16, 16)
    assert (results['img'] == 9).all()
    with pytest.raises(UserError, match=r"interpolation='cubic'.*bilinear, bicubic"):
        RandomResizedCrop(16, interpolation='cubic')


def test_where_no_part_fits_the_largest_of_a_legal_shape_is_taken():
    """A strip of 4 x 100 px has no part of a fifth of its area that is nearly square."""
    assert RandomResizedCrop(16, scale=(0.5, 0.5))._part(4, 100) == (0, 47, 4, 5)
