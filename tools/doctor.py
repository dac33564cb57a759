"""Tell what is installed and what keeps training from working.

    python tools/doctor.py

Exit status 1 when training could not work; each problem comes with its fix.
Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path


def _doctor():
    """Load the package's doctor by its path: the package itself may not import."""
    path = Path(__file__).resolve().parents[1] / 'mmseg_plugins' / 'utils' / 'doctor.py'
    spec = importlib.util.spec_from_file_location('_mmseg_plugins_doctor', path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def explain(error: BaseException) -> str:
    """The problems of this installation, for a tool that could not even import."""
    problems = _doctor().diagnose().text(problems_only=True)
    return f'{problems or "The installation looks complete."}\ncannot start: {type(error).__name__}: {error}'


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--problems-only', action='store_true', help='print nothing but problems')
    args = parser.parse_args(argv)
    report = _doctor().diagnose()
    text = report.text(args.problems_only)
    if text:
        print(text)
    return 1 if report.errors else 0


if __name__ == '__main__':
    sys.exit(main())
