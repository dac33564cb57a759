"""ProgressHook: a bar on a terminal, nothing elsewhere."""

import io
import logging
from types import SimpleNamespace

import pytest

from mmseg_plugins.engine.hooks import ProgressHook


class Terminal(io.StringIO):
    def isatty(self):
        return True


def fake_runner(stream):
    logger = logging.Logger('toy')
    logger.addHandler(logging.StreamHandler(stream))
    return SimpleNamespace(iter=0, max_iters=4, logger=logger, val_dataloader=[0, 1, 2], test_dataloader=[0, 1])


def run(hook, runner):
    """The hook calls of four iterations with one validation, with a log line each."""
    hook.before_train(runner)
    for index in range(4):
        hook.after_train_iter(runner, index, outputs={'loss': 0.5})
        runner.logger.warning(f'log line {index}')
        runner.iter += 1
    hook.before_val(runner)
    for index in range(3):
        hook.after_val_iter(runner, index)
    hook.after_val(runner)
    hook.after_train(runner)


@pytest.fixture
def xterm(monkeypatch):
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setenv('COLUMNS', '120')


def test_terminal_shows_a_bar_with_eta_loss_and_whole_log_lines(xterm):
    stream = Terminal()
    run(ProgressHook(stream), fake_runner(stream))
    text = stream.getvalue()
    for part in ('train', '4/4', 'ETA', 'loss 0.5', 'val', '3/3', 'computing metrics'):
        assert part in text, part
    for index in range(4):
        assert f'log line {index}' in text
    assert text.rstrip().endswith('\x1b[?25h') or '\x1b[?25h' in text[-200:]  # the cursor is back


def test_handlers_get_their_streams_back(xterm):
    stream = Terminal()
    runner, hook = fake_runner(stream), ProgressHook(stream)
    hook.before_train(runner)
    assert runner.logger.handlers[0].stream is not stream
    hook.after_train(runner)
    assert runner.logger.handlers[0].stream is stream
    hook.close()


def test_pipe_gets_the_log_lines_alone(xterm):
    stream = io.StringIO()
    run(ProgressHook(stream), fake_runner(stream))
    assert stream.getvalue() == ''.join(f'log line {index}\n' for index in range(4))


def test_log_file_stays_clean_next_to_a_terminal(xterm, tmp_path):
    stream = Terminal()
    runner = fake_runner(stream)
    runner.logger.addHandler(logging.FileHandler(tmp_path / 'run.log'))
    run(ProgressHook(stream), runner)
    assert (tmp_path / 'run.log').read_text() == ''.join(f'log line {index}\n' for index in range(4))


def test_test_loop_has_its_own_bar(xterm):
    stream = Terminal()
    runner, hook = fake_runner(stream), ProgressHook(stream)
    hook.before_test(runner)
    hook.after_test_iter(runner, 0)
    hook.after_test_iter(runner, 1)
    hook.after_test(runner)
    assert '2/2' in stream.getvalue()
    assert runner.logger.handlers[0].stream is stream
