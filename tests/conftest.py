"""What holds for every test."""

from collections.abc import Iterator
from typing import Any

import golden_cases
import not_run_here
import pytest
from compiled_mmcv import tell_what_was_not_compared
from mmengine.registry import DefaultScope


@pytest.fixture(autouse=True)
def _own_default_scope() -> Iterator[None]:
    """Begin each test in mmdet's scope and undo what it changes, so that tests pass in any order."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What this environment cannot run is said, not counted as passed."""
    tell_what_was_not_compared(terminalreporter)
    for line in not_run_here.lines(terminalreporter.config):
        terminalreporter.write_line(line)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine cannot run."""
    not_run_here.take_out(config, items)


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
