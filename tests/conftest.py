"""What holds for every test."""

from collections.abc import Iterator

import golden_cases
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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let only tests that are marked ``golden`` read golden cases, so that ``-m golden`` is all of them."""
    golden_cases.readable = item.get_closest_marker('golden') is not None
