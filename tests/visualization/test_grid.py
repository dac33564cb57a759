"""A table of pictures names its rows and columns once, and with their whole names."""

import numpy as np
import pytest

from mmseg_plugins.visualization import grid
from mmseg_plugins.visualization.grid import Cell, picture_grid
from mmseg_plugins.visualization.sheets import GAP


def cells(number, caption=''):
    return [Cell(caption, np.full((40, 80, 3), 10 * place, np.uint8)) for place in range(number)]


@pytest.fixture
def written(monkeypatch):
    texts = []
    real = grid.put_text
    monkeypatch.setattr(grid, 'put_text', lambda image, text, *rest: texts.append(text) or real(image, text, *rest))
    return texts


def test_every_name_is_written_once_and_every_caption_above_its_picture(written):
    name = 'a_system_whose_name_is_longer_than_one_picture'
    page = picture_grid([(name, cells(3, 'good')), ('other', cells(3, 'bad'))], ['a.png', 'b.png', 'c.png'], cell=150)
    assert page.shape[1] == 3 * 150 + 4 * GAP
    assert written == ['a.png', 'b.png', 'c.png', name, *['good'] * 3, 'other', *['bad'] * 3]


def test_long_names_of_columns_are_wrapped_and_pictures_keep_their_places():
    short = picture_grid([('row', cells(2))], ['a', 'b'], cell=80)
    long = picture_grid([('row', cells(2))], ['a', 'a_name_of_three_lines'], cell=80)
    added = len(long) - len(short)
    assert added > 0
    assert np.array_equal(short[-40 - GAP:], long[-40 - GAP:])
    assert (long[-40 - GAP:-GAP, GAP + 80 + GAP:-GAP] == 10).all()


def test_rows_of_another_length_and_empty_tables_are_refused():
    with pytest.raises(ValueError, match=r"1 rows, 2 columns; rows with another number of cells: \['row'\]"):
        picture_grid([('row', cells(3))], ['a', 'b'])
    with pytest.raises(ValueError, match='0 rows'):
        picture_grid([], ['a'])
