"""What ``Predictor`` takes for an image: it is loaded by the config's own loading step, or refused in one line."""

from io import BytesIO

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from PIL import Image

from mmseg_plugins.apis.image_inputs import ImageLoader
from mmseg_plugins.apis.predict_files import match_names
from mmseg_plugins.utils.errors import UserError


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmdet')


def loader(channels=3, mean=127.0, **step):
    return ImageLoader([dict(type='LoadImageFromFile', **step)], channels, mean)


@pytest.fixture
def image():
    return np.random.RandomState(0).randint(0, 255, (12, 9, 3), np.uint8)


def test_every_way_to_give_an_image_gives_the_same_pixels(image, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    load = loader()
    stream = BytesIO()
    Image.fromarray(image[..., ::-1]).save(stream, 'PNG')
    given = [tmp_path / 'a.png', str(tmp_path / 'a.png'), (tmp_path / 'a.png').read_bytes(), image,
             Image.fromarray(image[..., ::-1]), Image.open(stream)]
    for one in given:
        assert np.array_equal(load(one)['img'], image), type(one)
    assert load(image)['ori_shape'] == (12, 9)


def test_gray_alpha_and_16_bit_arrays_are_loaded_as_their_files_are(image, tmp_path):
    load = loader()
    for array in (image[..., 0], image[..., :1], np.dstack([image, image[..., :1]]), image.astype(np.uint16) * 256):
        cv2.imwrite(str(tmp_path / 'a.png'), array)
        assert np.array_equal(load(array)['img'], load(tmp_path / 'a.png')['img'])
        assert load(array)['img'].shape == (12, 9, 3)


def test_gray_and_16_bit_networks_get_what_their_config_loads(image, tmp_path):
    gray = loader(1, color_type='grayscale')
    assert gray(image)['img'].shape == (12, 9)
    deep = (image[..., 0].astype(np.uint16) + 1) * 11
    cv2.imwrite(str(tmp_path / 'deep.png'), deep)
    stored = loader(1, color_type='unchanged', to_float32=True)(tmp_path / 'deep.png')['img']
    assert stored.dtype == np.float32
    assert np.array_equal(stored, deep)
    cv2.imwrite(str(tmp_path / 'float.tiff'), image[..., 0] / np.float32(7))
    stored = loader(1, color_type='unchanged', mean=None)(tmp_path / 'float.tiff')['img']
    assert np.array_equal(stored, image[..., 0] / np.float32(7))


@pytest.mark.parametrize('name', ['float.tiff', 'float.hdr'])
def test_floats_are_not_turned_into_colors_of_8_bits(image, tmp_path, name):
    cv2.imwrite(str(tmp_path / name), image / np.float32(255))
    with pytest.raises(UserError, match=r'8 bit|cannot be read'):
        loader()(tmp_path / name)


def test_an_image_on_its_side_is_turned_as_in_training(image, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(image).save(tmp_path / 'side.jpg', exif=exif, quality=100)
    upright = loader()(tmp_path / 'side.jpg')['img']
    assert upright.shape == (9, 12, 3)
    assert np.abs(loader()(Image.open(tmp_path / 'side.jpg'))['img'].astype(int) - upright).max() <= 4


@pytest.mark.parametrize(('given', 'words'), [
    (torch.zeros(3, 4, 4), 'a Tensor is no image'), (None, 'a NoneType is no image'), (b'', 'the file is empty'),
    (np.zeros((4, 4, 5), np.uint8), '5 channels after loading, the network takes 3'),
    (np.zeros((3, 40, 50), np.uint8), r'channels first.*Fix: array\.transpose\(1, 2, 0\)'),
    (Image.new('I', (4, 4)), 'mode I has 32 bits'), (Image.new('F', (4, 4)), r"Fix: image\.convert\('L'\)"),
    (np.zeros(7, np.uint8), 'is no image'), (np.zeros((0, 4, 3), np.uint8), 'is no image'),
    (np.full((4, 4, 3), 0.5, np.float32), 'Fix: multiply by 255'),
    (np.full((4, 4, 3), np.nan, np.float32), 'NaN'), ('nowhere.png', 'does not exist'), ('.', 'is a folder')])
def test_what_is_no_image_gives_one_line(given, words):
    with pytest.raises(UserError, match=words) as caught:
        loader()(given)
    assert '\n' not in str(caught.value)


def test_16_bits_cut_to_a_few_values_are_said_once(image, tmp_path):
    cv2.imwrite(str(tmp_path / 'deep.png'), image.astype(np.uint16) * 11)
    load = loader()
    with pytest.warns(UserWarning, match=r'maximum of 2794; .* leaves a maximum of 10 of 255'):
        load(tmp_path / 'deep.png')
    load(tmp_path / 'deep.png')


def test_names_are_matched_by_path_or_refused():
    images = [('cam1/a.png', 4), ('cam2/a.png', 5), ('b.png', 6)]
    assert match_names(['cam2/a.png', 'cam1/a.png', 'x/b.png'], images, 'F') == ([5, 4, 6], [])
    assert match_names(['day/cam2/a.png', 'c.png'], images, 'F') == ([5], ['c.png'])
    assert match_names(['b.png', 'x/b.png'], [*images, ('x/b.png', 7)], 'F') == ([6, 7], [])
    with pytest.raises(UserError, match=r'a\.png fits the images \[4, 5\]'):
        match_names(['a.png'], images, 'F')
    with pytest.raises(UserError, match='both fit the image 6'):
        match_names(['x/b.png', 'y/b.png'], images, 'F')
