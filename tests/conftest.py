"""What holds for every test."""

from collections.abc import Iterator

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
