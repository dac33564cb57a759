"""Tell what is installed and what keeps training from working; each problem comes with its fix.

    mmseg-plugins doctor

Exit status 1 when training could not work.  In a clone, "python tools/doctor.py" does the same and needs nothing
but Python.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.frame import DONE, PARTLY, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('--problems-only', action='store_true', help='print nothing but problems')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.utils.doctor import diagnose

    report = diagnose()
    text = report.text(args.problems_only)
    if text:
        print(text)
    return PARTLY if report.errors else DONE
