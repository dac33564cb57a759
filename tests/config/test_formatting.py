"""A run formats the text of its config once."""

import pytest
from mmengine.config import Config

from mmseg_plugins.config import formatting


@pytest.fixture
def calls(monkeypatch):
    """Texts that yapf was given; it shows its work by a comment."""
    given = []

    def yapf(text, style_config, **options):
        given.append(text)
        assert style_config['based_on_style'] == 'pep8'
        return f'# formatted\n{text}', True

    monkeypatch.setattr(formatting, '_yapf', yapf)
    formatting._format.cache_clear()
    yield given
    formatting._format.cache_clear()


def test_equal_texts_are_formatted_once_and_others_again(calls):
    cfg = Config(dict(a=1, b=dict(c=[2])))
    with formatting.formatted_once():
        texts = [cfg.pretty_text, Config(dict(a=1, b=dict(c=[2]))).pretty_text, Config(dict(a=2)).pretty_text]
    assert len(calls) == 2
    assert texts[0] == texts[1] == '# formatted\n' + calls[0]
    assert texts[2] == '# formatted\n' + calls[1]


def test_outside_and_after_an_error_mmengine_formats_as_before(calls):
    cfg = Config(dict(a=1))
    before = cfg.pretty_text
    with pytest.raises(KeyError), formatting.formatted_once():
        raise KeyError
    assert cfg.pretty_text == before
    assert calls == []


def test_blocks_within_each_other_share_what_was_formatted(calls):
    cfg = Config(dict(a=1))
    with formatting.formatted_once(), formatting.formatted_once():
        first = cfg.pretty_text
    with formatting.formatted_once():
        assert cfg.pretty_text == first
    assert len(calls) == 1
