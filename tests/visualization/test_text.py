"""Names of any script on pictures."""

import warnings
from pathlib import Path

import matplotlib
import pytest

from mmseg_plugins.visualization import text as module

FONTS = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf'


@pytest.fixture
def fonts(monkeypatch):
    """Sets the installed fonts; nothing found before is remembered, nor afterwards."""
    caches = (module.load_font, module._installed_font)

    def clear():
        for cache in caches:
            cache.cache_clear()

    monkeypatch.setattr(module, '_warned', set())
    clear()
    yield lambda *paths: monkeypatch.setattr(module, '_system_fonts', lambda: [str(path) for path in paths])
    clear()


def test_latin_greek_and_cyrillic_keep_the_font_of_matplotlib(fonts):
    fonts()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert module.load_font(12, text='Zellkern ä λ Ж').path.endswith('DejaVuSans.ttf')


def test_characters_that_it_lacks_come_from_an_installed_font(fonts):
    lacking = chr(min(map(ord, module._characters(str(FONTS / 'STIXGeneral.ttf'))
                          - module._characters(str(FONTS / 'DejaVuSans.ttf')))))
    fonts(FONTS / 'cmb10.ttf', FONTS / 'STIXGeneral.ttf')
    assert module.load_font(12, text=lacking).path.endswith('STIXGeneral.ttf')


def test_characters_of_no_font_are_named_once(fonts):
    fonts(FONTS / 'cmb10.ttf')
    with pytest.warns(UserWarning, match=r"no installed font draws '猫'.*fonts-noto-cjk"):
        module.text_size('猫', 12)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        module.text_size('猫', 14)


def test_a_long_name_is_wrapped_between_its_words_and_nothing_is_lost():
    name = 'deeplabv3plus_lite0-os16_2000it-crop224_camvid'
    lines = module.wrap(name, 200, 14, 4)
    assert ''.join(lines) == name
    assert len(lines) == 2
    assert all(module.text_size(line, 14)[0] <= 200 for line in lines)
    assert lines[0][-1] in '_-'
    assert module.wrap('ground truth', 200, 14, 4) == ['ground truth']
    assert module.wrap('ground truth', 70, 14, 4) == ['ground', 'truth']


def test_a_name_without_words_is_broken_anywhere_and_what_lines_cannot_hold_is_marked():
    lines = module.wrap('x' * 100, 100, 14, 3)
    assert len(lines) == 3
    assert lines[2].endswith('…')
    assert set(''.join(lines[:2])) == {'x'}
    assert all(module.text_size(line, 14)[0] <= 100 for line in lines)
    assert module.wrap('', 100, 14, 3) == ['']
