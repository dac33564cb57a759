"""Scores of the trained rows after each part of their training, from the metafiles into a page with a pair of markers::

    <!-- curves -->
    <!-- end of curves -->
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mmseg_plugins.reporting.results_table import table_row

_MARKERS = re.compile(r'(<!-- curves -->\n).*?(<!-- end of curves -->)', re.DOTALL)


def fill_curves(page: str, models: Iterable[Mapping[str, Any]]) -> str:
    """The text of a page in ``docs/`` with the table made anew from the models of all metafiles."""
    table = curve_table(models)
    return _MARKERS.sub(lambda match: match.group(1) + table + match.group(2), page)


def curve_table(models: Iterable[Mapping[str, Any]]) -> str:
    """Markdown table of the rows that have a ``Curve``: the score at each validation and what the last part gained."""
    head = ['config', 'data', 'score', 'after iteration', 'last part']
    lines = [table_row(head), table_row(['---'] * len(head))]
    for model in models:
        for result in model.get('Results', []):
            for metric, points in result.get('Curve', {}).items():
                *_, before, last = (points[iteration] for iteration in sorted(points))
                reached = ', '.join(f'{iteration}: {points[iteration]:.1f}' for iteration in sorted(points))
                config = f'[`{model["Name"]}`](../{model["Config"]})'
                lines.append(table_row([config, result['Dataset'], metric, reached, f'{last - before:+.1f}']))
    return '\n'.join(lines) + '\n'
