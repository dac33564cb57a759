"""Label maps of colors and of 0 and 255 become the class numbers that a config reads."""

import re

import cv2
import numpy as np
import pytest
from coco_sets import write_image
from PIL import Image

from mmseg_plugins.cli.main import main
from mmseg_plugins.config.classes import class_list
from mmseg_plugins.data_check.map_check import MapSource, check_semantic
from mmseg_plugins.data_prep.map_colors import convert_label_maps
from mmseg_plugins.utils.errors import UserError

COLORS = np.array([(128, 64, 128), (70, 130, 180), (0, 0, 0)], np.uint8)
LABELS = np.array([[0, 1, 2], [1, 1, 0]])


def colored(folder, mode='RGB', name='sub/a.png'):
    path = folder / 'colors' / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == 'P':
        image = Image.fromarray(LABELS.astype(np.uint8), 'L')
        image.putpalette(COLORS.reshape(-1).tolist())
    else:
        image = Image.fromarray(COLORS[LABELS]).convert(mode)
    image.save(path)
    (folder / 'colors.txt').write_text('road 128 64 128\nblue sky 70 130 180\n')
    return folder / 'colors'


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'P'])
def test_colors_become_the_numbers_of_the_palette_and_void_255(tmp_path, mode):
    convert_label_maps(colored(tmp_path, mode), tmp_path / 'out', tmp_path / 'colors.txt', (0, 0, 0))
    written = np.array(Image.open(tmp_path / 'out/sub/a.png'))
    np.testing.assert_array_equal(written, np.where(LABELS == 2, 255, LABELS))
    assert class_list('classes.txt', str(tmp_path / 'out')) == (
        ('road', 'blue sky'), [(128, 64, 128), (70, 130, 180)])


def test_without_a_palette_each_color_is_a_class_and_the_colors_come_back(tmp_path):
    convert_label_maps(colored(tmp_path), tmp_path / 'out')
    names, colors = class_list('classes.txt', str(tmp_path / 'out'))
    written = np.array(Image.open(tmp_path / 'out/sub/a.png'))
    np.testing.assert_array_equal(np.array(colors)[written], COLORS[LABELS])
    assert names == ('rgb-0-0-0', 'rgb-70-130-180', 'rgb-128-64-128')


@pytest.mark.parametrize('color', [False, True])
def test_the_command_that_the_check_names_makes_maps_that_it_accepts(tmp_path, monkeypatch, capsys, color):
    monkeypatch.chdir(tmp_path)
    values = np.array([[0, 255], [0, 0]], np.uint8)
    write_image(tmp_path / 'img/a.jpg', 2, 2)
    (tmp_path / 'ann').mkdir()
    cv2.imwrite('ann/a.png', np.dstack([values] * 3) if color else values)

    def source(folder, classes):
        return MapSource(name='train', img_dir=tmp_path / 'img', map_dir=tmp_path / folder, classes=classes)

    (problem,) = check_semantic(source('ann', ('ground', 'cell'))).problems()
    words = re.search(r'mmseg-plugins (convert-data label-maps \S+ --out-dir DIR)', problem)[1].split()
    assert main(words) == 0
    assert '1 maps of 2 classes' in capsys.readouterr().out
    np.testing.assert_array_equal(np.array(Image.open('DIR/a.png')), values // 255)
    assert check_semantic(source('DIR', class_list('classes.txt', 'DIR')[0])).problems() == []


def test_a_color_that_the_palette_lacks_names_the_color_and_the_fix(tmp_path):
    with pytest.raises(UserError, match=r'\(0, 0, 0\).*--void R G B'):
        convert_label_maps(colored(tmp_path), tmp_path / 'out', tmp_path / 'colors.txt')


def test_what_needs_no_conversion_or_cannot_have_one_is_refused(tmp_path):
    (tmp_path / 'in').mkdir()
    with pytest.raises(UserError, match='holds no label map'):
        convert_label_maps(tmp_path / 'in', tmp_path / 'out')
    Image.fromarray(LABELS.astype(np.uint8)).save(tmp_path / 'in/a.png')
    with pytest.raises(UserError, match='these are class numbers'):
        convert_label_maps(tmp_path / 'in', tmp_path / 'out')
    Image.fromarray(COLORS[LABELS]).save(tmp_path / 'in/b.jpg')
    with pytest.raises(UserError, match='blurs colors'):
        convert_label_maps(tmp_path / 'in', tmp_path / 'out')
    noise = np.random.RandomState(0).randint(0, 256, (32, 32, 3)).astype(np.uint8)
    (tmp_path / 'in/b.jpg').unlink()
    Image.fromarray(noise).save(tmp_path / 'in/a.png')
    with pytest.raises(UserError, match='more than 255 colors'):
        convert_label_maps(tmp_path / 'in', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
