"""track: plain lines where there is no terminal, a bar where there is."""

import io
import itertools
import types

from mmseg_plugins.utils import progress
from mmseg_plugins.utils.progress import format_seconds, is_terminal, track


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_items_pass_through_unchanged():
    assert list(track(range(5), stream=io.StringIO())) == [0, 1, 2, 3, 4]
    assert list(track(iter('ab'), stream=io.StringIO())) == ['a', 'b']


def test_short_loop_writes_nothing_to_a_file():
    stream = io.StringIO()
    list(track(range(100), stream=stream))
    assert stream.getvalue() == ''


def test_long_loop_writes_plain_lines_now_and_then(monkeypatch):
    seconds = itertools.count(step=2)  # the clock is read once at the start and once per item
    monkeypatch.setattr(progress, 'time', types.SimpleNamespace(monotonic=lambda: next(seconds)))
    stream = io.StringIO()
    assert list(track(range(10), description='Converting', stream=stream, interval=6)) == list(range(10))
    assert stream.getvalue().splitlines() == [
        'Converting: 3/10 (30 %), 0:00:06, ETA 0:00:14',
        'Converting: 6/10 (60 %), 0:00:12, ETA 0:00:08',
        'Converting: 9/10 (90 %), 0:00:18, ETA 0:00:02',
        'Converting: 10/10 (100 %), 0:00:20, ETA 0:00:00']  # fmt: skip


def test_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setenv('TERM', 'xterm')
    stream = Terminal()
    assert is_terminal(stream)
    assert list(track([7, 8], description='Drawing', stream=stream)) == [7, 8]
    assert '\x1b[' in stream.getvalue()
    assert 'Drawing' in stream.getvalue()
    assert '2/2' in stream.getvalue()


def test_terminal_that_cannot_move_its_cursor_is_none(monkeypatch):
    monkeypatch.setenv('TERM', 'dumb')
    assert not is_terminal(Terminal())
    assert not is_terminal(None)


def test_seconds_are_written_as_hours_minutes_seconds():
    assert format_seconds(3725.4) == '1:02:05'
    assert format_seconds(-1) == '0:00:00'
