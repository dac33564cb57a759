"""Whether this environment has compiled mmcv, and what tests without it leave undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmseg_plugins.ops import install

_folder = install.mmcv_folder()
COMPILED = _folder is not None and install.compiled_module(_folder) is not None
FOLDER = Path(__file__).parent / 'ops/compiled'


def tell_what_was_not_compared(reporter: pytest.TerminalReporter) -> None:
    """One line at the end of a run that would have held the comparisons."""
    asked = [Path(str(arg).partition('::')[0]).resolve() for arg in reporter.config.args]
    if not COMPILED and any(path == FOLDER or path in FOLDER.parents for path in asked):
        from mmcv_operator_cases import CASES, CPU

        count = sum(CPU in case.devices for case in CASES)
        reporter.write_line(f'compiled mmcv absent: {count} comparisons with it not run (OPS=compiled make test)')
