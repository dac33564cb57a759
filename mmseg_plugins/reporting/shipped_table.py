"""The table of shipped models, from the metafiles into a page that asks with a pair of markers::

    <!-- shipped models -->
    <!-- end of shipped models -->
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mmseg_plugins.config.shipped import SCHEME
from mmseg_plugins.reporting.results_table import table_row

_MARKERS = re.compile(r'(<!-- shipped models -->\n).*?(<!-- end of shipped models -->)', re.DOTALL)


def fill_shipped(page: str, models: Iterable[Mapping[str, Any]]) -> str:
    """A page's text with the table made anew from the models of all metafiles."""
    table = shipped_table(models)
    return _MARKERS.sub(lambda match: match.group(1) + table + match.group(2), page)


def shipped_table(models: Iterable[Mapping[str, Any]]) -> str:
    """Markdown table of the models whose weights are in the package: what they score on the validation images."""
    lines = []
    for model in models:
        if not str(model.get('Weights', '')).startswith(SCHEME):
            continue
        file = model['Weights File']
        result = next(one for one in model['Results'] if one['Dataset'] == file['Dataset'])
        scores = ', '.join(f'{name} {value:.1f}' for name, value in result['Metrics'].items()
                           if name in ('mask AP', 'mIoU'))
        lines.append(table_row([f'`{model["Weights"].removeprefix(SCHEME)}`', f'`{model["Name"]}`', file['Dataset'],
                                str(file['Iteration']), scores, f'{file["Bytes"] / 1e6:.1f} MB']))
    if not lines:
        return 'None in this version.\n'
    head = ['name', 'config', 'trained on', 'iterations', 'score on its validation images', 'file']
    return '\n'.join([table_row(head), table_row(['---'] * len(head)), *lines]) + '\n'
