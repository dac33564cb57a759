"""labelme and X-AnyLabeling files as people have them."""

import base64
import json
import unicodedata

import cv2
import numpy as np
import pytest
from annotation_sets import H, W, masks, picture

from mmseg_plugins.data_prep.annotations import ReadOptions
from mmseg_plugins.data_prep.labelme import read_labelme
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.structures.masks import mask_box
from mmseg_plugins.utils.errors import UserError


def png(mask):
    return base64.b64encode(cv2.imencode('.png', mask.astype(np.uint8) * 255)[1].tobytes()).decode()


def mask_shape(mask, label='cat', group=None):
    x1, y1, x2, y2 = mask_box(mask)
    return {'label': label, 'shape_type': 'mask', 'points': [[x1, y1], [x2 - 1, y2 - 1]], 'group_id': group,
            'mask': png(mask[y1:y2, x1:x2])}


def polygon(points, label='cat', group=None, kind='polygon'):
    return {'label': label, 'shape_type': kind, 'points': points, 'group_id': group}


def make(folder, shapes, stem='a', image=None, **changes):
    image = image or f'{stem}.png'
    save_image(folder / image, picture())
    content = {'imagePath': image, 'imageHeight': H, 'imageWidth': W, 'imageData': None, 'shapes': shapes, **changes}
    (folder / f'{stem}.json').write_text(json.dumps(content), encoding='utf-8')
    return folder


def read(folder):
    return read_labelme(folder, ReadOptions())


def objects(annotations):
    return next(annotations.images()).objects


def test_a_mask_is_read_to_the_pixel(tmp_path):
    make(tmp_path, [mask_shape(mask) for mask in masks(0)])
    for item, mask in zip(objects(read(tmp_path)), masks(0), strict=True):
        assert np.array_equal(item.dense(H, W), mask)


def test_a_mask_that_reaches_out_of_the_image_is_cut(tmp_path):
    shape = {'label': 'cat', 'shape_type': 'mask', 'points': [[-2, -1], [3, 4]], 'mask': png(np.ones((6, 6)))}
    make(tmp_path, [shape])
    (item,) = objects(read(tmp_path))
    assert mask_box(item.dense(H, W)) == (0, 0, 4, 5)


@pytest.mark.parametrize('kind', ['rotation', 'oriented_rectangle'])
def test_a_turned_box_has_its_four_corners(tmp_path, kind):
    corners = [[20, 5], [30, 15], [20, 25], [10, 15]]
    make(tmp_path, [polygon(corners, kind=kind)])
    (item,) = objects(read(tmp_path))
    assert item.outlines[0].tolist() == corners


def test_shapes_of_a_group_are_one_object_also_a_mask_with_a_polygon(tmp_path):
    square = [[40, 2], [50, 2], [50, 4], [40, 4]]
    make(tmp_path, [polygon(square, group=3), mask_shape(masks(0)[0], group=3), polygon(square, label='dog', group=3)])
    cat, dog = objects(read(tmp_path))
    expected = masks(0)[0].copy()
    expected[2:4, 40:50] = True
    assert np.array_equal(cat.dense(H, W), expected)
    assert dog.name == 'dog'


def test_images_without_a_json_are_counted_and_kept(tmp_path):
    make(tmp_path / 'sub', [mask_shape(masks(0)[0])])
    save_image(tmp_path / 'background.JPG', picture())
    found = read(tmp_path)
    assert [(image.name, len(image.objects)) for image in found.images()] == [('background.JPG', 0), ('sub/a.png', 1)]
    assert '1 images without a JSON taken as background' in found.summary()


def test_an_image_is_found_by_the_name_of_its_json_in_both_forms_of_accents(tmp_path):
    make(tmp_path, [mask_shape(masks(0)[0])], stem='moved', imagePath='C:\\photos\\other.png')
    stem = unicodedata.normalize('NFC', 'é')
    make(tmp_path, [mask_shape(masks(0)[0])], stem=stem, image=unicodedata.normalize('NFD', stem) + '.png',
         imagePath=f'{stem}.png')
    found = read(tmp_path)
    assert [len(image.objects) for image in found.images()] == [1, 1]
    assert found.counts['images found by the name of their JSON, not by imagePath'] == 1


def test_images_may_lie_in_a_folder_of_their_own(tmp_path):
    make(tmp_path / 'ann/sub', [mask_shape(masks(0)[0])], imagePath='../../anywhere/a.png')
    (tmp_path / 'img/sub').mkdir(parents=True)
    (tmp_path / 'ann/sub/a.png').rename(tmp_path / 'img/sub/a.png')
    found = read_labelme(tmp_path / 'ann', ReadOptions(image_dir=tmp_path / 'img'))
    assert [(image.name, len(image.objects)) for image in found.images()] == [('sub/a.png', 1)]


def test_an_image_that_is_nowhere_is_named(tmp_path):
    make(tmp_path, [mask_shape(masks(0)[0])], image='here.png', imagePath='gone.png')
    with pytest.raises(UserError, match=r'gone\.png.*cannot be read'):
        read(tmp_path)


def test_folders_of_splits_are_splits(tmp_path):
    make(tmp_path / 'train', [mask_shape(masks(0)[0])])
    make(tmp_path / 'val', [mask_shape(masks(0)[0])], stem='b')
    assert {split: len(images) for split, images in read(tmp_path).splits.items()} == {'train': 1, 'val': 1}


@pytest.mark.parametrize(('changes', 'text'), [
    ({'mask': 'no base64'}, 'is no PNG in base64'),
    ({'mask': None}, 'is no PNG in base64'),
    ({'mask': png(np.ones((3, 3)))}, r'its mask is 3 x 3, its box 20 x 16'),
    ({'shape_type': 'rotation'}, 'a rotation of 2 points'),
])
def test_wrong_masks_and_turned_boxes_are_named(tmp_path, changes, text):
    make(tmp_path, [{**mask_shape(masks(0)[0]), **changes}])
    with pytest.raises(UserError, match=text):
        read(tmp_path)
