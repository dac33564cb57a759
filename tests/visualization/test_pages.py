"""Label maps, legends, contact sheets, curves, histograms, image files."""


import numpy as np
import pytest
from PIL import Image

from mmseg_plugins.structures.images import list_images
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.visualization import (
    contact_sheet,
    draw_class_histogram,
    draw_curves,
    draw_legend,
    draw_semantic,
    read_image,
    save_image,
)
from mmseg_plugins.visualization.charts import smooth
from mmseg_plugins.visualization.sheets import GAP

PALETTE = [(255, 0, 0), (0, 0, 255)]


def test_semantic_colours_are_rgb_and_ignored_pixels_are_darkened():
    image = np.full((600, 600, 3), 100, np.uint8)
    labels = np.zeros((600, 600), np.uint8)
    labels[:, 300:] = 1
    labels[:100] = 255
    drawn = draw_semantic(image, labels, PALETTE, alpha=0.5)
    assert drawn.shape == image.shape
    assert drawn[300, 100].tolist() == [50, 50, 178]  # BGR: half of gray 100, half of pure red
    assert drawn[300, 500].tolist() == [178, 50, 50]
    assert drawn[50, 50].tolist() == [50, 50, 50]


def test_semantic_without_palette_gives_distinct_colours_and_refuses_another_size():
    labels = np.arange(600 * 600).reshape(600, 600) % 2
    drawn = draw_semantic(np.zeros((600, 600, 3), np.uint8), np.repeat(labels, 1, 0))
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) >= 2
    with pytest.raises(ValueError, match=r'label map is \(5, 5\)'):
        draw_semantic(np.zeros((6, 6, 3), np.uint8), np.zeros((5, 5), int))


def test_legend_shows_only_the_asked_classes_and_wraps():
    few = draw_legend(['road', 'car'], PALETTE, 300, [1])
    assert (few == np.array([255, 0, 0])).all(axis=2).any()  # blue in BGR
    assert not (few == np.array([0, 0, 255])).all(axis=2).any()
    assert draw_legend(['class name'] * 30, None, 300).shape[0] > 3 * few.shape[0]


def test_sheet_has_the_stated_size_and_holds_the_pictures():
    red, blue = np.zeros((10, 20, 3), np.uint8), np.zeros((40, 20, 3), np.uint8)
    red[:], blue[:] = (0, 0, 255), (255, 0, 0)
    page = contact_sheet([('a', red), ('b', blue), ('c' * 500, red)], columns=2, cell=100, heading='h')
    assert page.shape[1] == 2 * 100 + 3 * GAP
    assert ((page == (0, 0, 255)).all(axis=2)).sum() >= 2 * 95 * 45
    assert ((page == (255, 0, 0)).all(axis=2)).sum() >= 70 * 140
    with pytest.raises(ValueError, match='needs pictures'):
        contact_sheet([])


def test_curves_are_drawn_whatever_the_values(tmp_path):
    x = list(range(100))
    series = {'loss': (x, [1 / (1 + i) for i in x]), 'gap': ([1, 2], [float('nan'), 0.5]), 'none': ([], [])}
    picture = read_image(draw_curves(series, tmp_path / 'c.png', 'title', 'y', log_y=True, bold=('loss',)))
    assert picture.shape[1] == 1100
    assert (picture < 200).any()
    assert draw_curves({}, tmp_path / 'empty.png', 'title', 'y').is_file()
    assert not list(tmp_path.glob('*.part'))


def test_smoothing_keeps_a_constant_and_skips_nan():
    values = np.array([2.0, np.nan, 2.0, 2.0])
    assert smooth(values, 3).tolist() == [2.0, 2.0, 2.0, 2.0]


def test_histogram_is_drawn_and_lists_must_agree(tmp_path):
    path = draw_class_histogram(['a', 'b', 'c'], [5000, 3, 0], tmp_path / 'h.png', 't', images=[9, 1, 0])
    assert read_image(path).shape[1] == 990
    with pytest.raises(ValueError, match='2 class names, 3 counts'):
        draw_class_histogram(['a', 'b'], [1, 2, 3], tmp_path / 'x.png', 't')


def test_image_files_survive_odd_paths(tmp_path):
    image = np.random.RandomState(0).randint(0, 255, (5, 7, 3)).astype(np.uint8)
    path = save_image(tmp_path / 'ein Ordner' / 'Übersicht 图.png', image)
    assert np.array_equal(read_image(path), image)
    assert list_images(tmp_path) == [path]


def test_damaged_images_are_named(tmp_path):
    whole = tmp_path / 'whole.jpg'
    Image.fromarray(np.random.RandomState(0).randint(0, 255, (90, 90, 3)).astype(np.uint8)).save(whole)
    reasons = {'torn.jpg': 'truncated', 'empty.jpg': 'the file is empty', 'text.png': 'cannot identify'}
    for name, data in {'torn.jpg': whole.read_bytes()[:-200], 'empty.jpg': b'', 'text.png': b'no image'}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=f'{name} cannot be read: .*{reasons[name]}'):
            read_image(tmp_path / name)
    with pytest.raises(UserError, match=r'gone\.png'):
        read_image(tmp_path / 'gone.png')
