"""What holds for every test."""

import gc
from collections.abc import Iterator
from functools import cache
from typing import Any

import golden_cases
import not_run_here
import pytest
from compiled_mmcv import tell_what_was_not_compared
from mmengine.config import config as config_module
from mmengine.config import utils as config_utils
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from yapf.yapflib import yapf_api

from mmseg_plugins.utils.process_state import managers

# mmengine reads all metafiles of a host, and the list of installed packages, for each base that names one of its
# configs: 0.3 s every time.
config_utils.load = cache(config_utils.load)
config_module.is_installed = cache(config_module.is_installed)

# yapf takes most of the time of a run of two iterations.  Tests within this process write a config's text as it is;
# the processes of tests/cli/test_end_to_end.py format theirs.
for _place in (yapf_api, config_module):
    if hasattr(_place, 'FormatCode'):  # the maintained line imports it when it is used
        _place.FormatCode = lambda text, **_: (text, True)


@pytest.fixture(autouse=True)
def _own_mmengine_state() -> Iterator[None]:
    """Begin each test in mmdet's scope and undo what it changes, so that tests pass in any order.

    A run is named by its config and the second it began in.  Two tests within a second would therefore share a
    logger, whose stream is the first test's captured output, closed by then.
    """
    before = {manager: dict(manager._instance_dict) for manager in managers()}
    MMLogger._instance_dict.clear()  # of an import: they write where nothing is captured
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield
    for manager in managers():
        kept = manager._instance_dict
        kept.clear()
        kept.update(before.get(manager, {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What this environment cannot run is said, not counted as passed."""
    tell_what_was_not_compared(terminalreporter)
    for line in not_run_here.lines(terminalreporter.config):
        terminalreporter.write_line(line)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine cannot run."""
    not_run_here.take_out(config, items)


def pytest_collection_finish() -> None:
    """Leave what the imports made out of later searches for garbage.

    mmengine collects garbage for each data set that it builds, which takes a quarter of a second in a process that has
    imported everything.
    """
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that started this one what was left out."""
    not_run_here.tell_controller(session)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear from a worker of xdist what it left out."""
    not_run_here.hear_worker(node)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let only tests that are marked ``golden`` read golden cases, so that ``-m golden`` is all of them."""
    golden_cases.readable = item.get_closest_marker('golden') is not None
