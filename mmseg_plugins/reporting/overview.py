"""The one table over all systems, in configs/README.md, from every metafile.

A README asks for it with a marker pair::

    <!-- all results: nuclei -->
    <!-- end of results -->

The paper's own number comes from ``Paper Results`` of a model, or of the model
that its ``Paper Row`` names (a config of the paper's setting, in any metafile);
its source is the ``Paper`` of that model's collection.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_plugins.reporting.metafiles import UNTRAINED, is_semantic
from mmseg_plugins.reporting.results_table import (
    SEMANTIC_COLUMNS,
    above_untrained,
    config_below_system,
    one_training,
    seconds_per_iteration,
    table_row,
    untrained_score,
    untrained_words,
)
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean
from mmseg_plugins.utils.yaml_text import read_yaml

_MARKERS = re.compile(r'(<!-- all results: (?P<dataset>[\w-]+) -->\n).*?(<!-- end of results -->)', re.DOTALL)
#: Metric -> its column, of tables of instances.
_COLUMNS = {
    'mask AP': 'mask AP', 'mask AP50': 'AP50', 'mask AP75': 'AP75', 'mask AP S': 'S', 'mask AP M': 'M',
    'mask AP L': 'L', 'box AP': 'box AP',
}  # fmt: skip
_COSTS = ('parameters', 'GMACs', 's/image', 's/iter', 'peak memory', 'training', 'on', 'paper')
_NONE = '-'


class Entry(NamedTuple):
    """A model of a metafile with the folder's metafile as a whole."""

    folder: Path
    content: Mapping[str, Any]
    model: Mapping[str, Any]


def read_entries(configs: Path) -> list[Entry]:
    """Every model of every metafile below a folder, by folder, in the metafiles' order."""
    entries = []
    for path in sorted(configs.rglob('metafile.yml')):
        content = read_yaml(path.read_text(encoding='utf-8'))
        entries += [Entry(path.parent, content, model) for model in content['Models']]
    return entries


def fill_overview(text: str, entries: Sequence[Entry], folder: Path) -> str:
    """A README's text with every marked table made anew; ``folder`` is where the README lies."""

    def table(match: re.Match[str]) -> str:
        return match.group(1) + overview_table(entries, match.group('dataset'), folder) + match.group(3)

    return _MARKERS.sub(table, text)


def overview_table(entries: Sequence[Entry], dataset: str, folder: Path) -> str:
    """Markdown table of all models measured on one data set, those without training first.

    What was not measured prints as ``-``.
    """
    found = sorted(_measured(entries, dataset), key=lambda pair: pair[1].get('Training') != UNTRAINED)
    if not found:
        return 'Not yet measured.\n'
    machines = {where: string.ascii_uppercase[index] for index, where in enumerate(_hardware(found))}
    semantic = is_semantic([result['Metrics'] for _, result in found])
    columns = SEMANTIC_COLUMNS if semantic else _COLUMNS
    baseline = untrained_score([entry.model for entry in entries], dataset)
    compared = [] if baseline is None else [f'above {baseline.score:.1f}, no training']
    head = ['system', 'config', *columns.values(), *compared, *([] if semantic else ['also']), *_COSTS]
    lines = [table_row(head), table_row(['---'] * len(head))]
    for entry, result in found:
        scores = [_number(result['Metrics'], name, '{:.1f}') for name in columns]
        if baseline is not None:
            scores.append(above_untrained(result, baseline))
        if not semantic:
            scores.append(_others(result['Metrics']))
        costs = _costs(entry.model, result, machines)
        lines.append(table_row([*_links(entry, folder), *scores, *costs, paper_cell(entry, entries)]))
    legend = '; '.join(f'{letter}: {where}' for where, letter in machines.items())
    images = sorted({result['Speed']['Image'] for _, result in found if 'Speed' in result})
    size = f' GMACs: multiply-adds of one image of {", ".join(images)}.' if images else ''
    docs = os.path.relpath(found[0][0].folder.parent.parent / 'docs', folder)
    note = one_training([result for _, result in found], docs)
    return '\n'.join(lines) + f'\n\nOn {legend}.{size}{note}\n'


def _measured(entries: Sequence[Entry], dataset: str) -> Iterator[tuple[Entry, Mapping[str, Any]]]:
    for entry in entries:
        for result in entry.model.get('Results', []):
            if result['Dataset'] == dataset:
                yield entry, result


def _hardware(found: Sequence[tuple[Entry, Mapping[str, Any]]]) -> list[str]:
    """Machines in the order of their first appearance."""
    names: dict[str, None] = {}
    for _, result in found:
        names[result['Hardware']] = None
        names[result.get('Speed', {}).get('Hardware', result['Hardware'])] = None
    return list(names)


def _links(entry: Entry, folder: Path) -> list[str]:
    """The system and the config, linked."""
    here = os.path.relpath(entry.folder, folder)
    return [
        f'[{entry.model.get("In Collection", entry.folder.name)}]({here}/README.md)',
        f'[`{entry.model["Name"]}`]({here}/{config_below_system(entry.model)})',
    ]


def _others(metrics: Mapping[str, Any]) -> str:
    """What a system is made for besides AP."""
    return ', '.join(f'{name} {value:.1f}' for name, value in metrics.items() if name not in _COLUMNS) or _NONE


def _costs(model: Mapping[str, Any], result: Mapping[str, Any], machines: Mapping[str, str]) -> list[str]:
    speed = result.get('Speed', {})
    letter = machines[result['Hardware']]
    measured_on = machines[speed.get('Hardware', result['Hardware'])]
    training = f'weights of `{result["Weights"]}`' if 'Weights' in result else _number(result, 'Minutes', '{:.1f} min')
    training = untrained_words(model) if result.get('Training') == UNTRAINED else training
    return [
        _number(result, 'Parameters (M)', '{:.2f} M'),
        _number(speed, 'GMACs', '{:.4g}'),
        _number(speed, 'Seconds per Image', '{:.3g}'),
        _number({'s': seconds_per_iteration(result)}, 's', '{:.2f}'),
        _number(result, 'Peak Memory (GB)', '{:.2f} GB'),
        training,
        letter if measured_on == letter else f'{letter}, speed {measured_on}',
    ]


def _number(values: Mapping[str, Any], key: str, form: str) -> str:
    return form.format(values[key]) if values.get(key) is not None else _NONE


def paper_cell(entry: Entry, entries: Sequence[Entry]) -> str:
    """The paper's numbers with the data they were measured on, linked to the paper.

    Raises:
        ValueError: ``Paper Row`` names no model with ``Paper Results``.
    """
    name = entry.model.get('Paper Row')
    source = entry
    if name is not None:
        known = {other.model['Name']: other for other in entries if other.model.get('Paper Results')}
        if name not in known:
            raise UserError(
                f'{entry.folder / "metafile.yml"}: Paper Row {name!r} of {entry.model["Name"]} has no Paper '
                f'Results{did_you_mean(name, known)}.',
                fix='name a model that has them, or remove the key.',
            )
        source = known[name]
    results = source.model.get('Paper Results')
    if not results:
        return _NONE
    numbers: dict[str, list[str]] = {}
    for result in results:
        numbers.setdefault(str(result['Dataset']), []).extend(
            f'{metric} {value}' for metric, value in result['Metrics'].items() if value is not None)
    text = '; '.join(f'{", ".join(values)} ({data})' for data, values in numbers.items())
    address = _paper_address(source)
    return f'[{text}]({address})' if address else text


def _paper_address(entry: Entry) -> str | None:
    """Address of the paper: the model's own, else its collection's."""
    collections = {item['Name']: item for item in entry.content.get('Collections', [])}
    for holder in (entry.model, collections.get(entry.model.get('In Collection'), {})):
        if (holder.get('Paper') or {}).get('URL'):
            return str(holder['Paper']['URL'])
    return None
