"""Tables of measured results, made from the metafiles wherever a README asks with a pair of markers::

    <!-- results: nuclei -->
    <!-- end of results -->

    <!-- results: nuclei, also mask-rcnn_r18-gnfpn_1000it-crop256_nuclei -->   with rows of other folders
    <!-- end of results -->
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_plugins.reporting.metafiles import UNTRAINED, is_semantic
from mmseg_plugins.utils.errors import UserError

_MARKERS = re.compile(
    r'(?P<begin><!-- results: (?P<dataset>[\w-]+)(?:, also (?P<others>[^>]+?))? -->\n)'
    r'.*?(?P<end><!-- end of results -->)', re.DOTALL)
_COLUMNS = ('mask AP', 'mask AP50', 'mask AP75', 'box AP')
#: What a system is made for besides AP: a column where a row has it.
_OWN_COLUMNS = ('mask AR@10', 'mask AR@100', 'mask AR@1000', 'PQ', 'mIoU', 'foreground IoU', 'mAP^r .5',
                'mAP^r .7')
#: Metric of label maps -> its column: mean IoU, mean recall of the classes, share of right pixels.
SEMANTIC_COLUMNS = {'mIoU': 'mIoU', 'mAcc': 'class average', 'aAcc': 'global accuracy'}


def fill_tables(readme: str, models: Sequence[Mapping[str, Any]],
                everyone: Sequence[Mapping[str, Any]] | None = None) -> str:
    """A README's text with every marked table made anew from the metafile's models.

    Args:
        everyone: The models of all metafiles, among which the baseline without training is and those that a table names
            besides its own; ``models`` by default.

    Raises:
        UserError: a table names a model that no metafile has a result of on its data set.
    """
    known = models if everyone is None else everyone

    def table(match: re.Match[str]) -> str:
        dataset = match['dataset']
        others = [_named(name, dataset, known) for name in re.findall(r'[^, ]+', match['others'] or '')]
        return match['begin'] + results_table(models, dataset, untrained_score(known, dataset), others) + match['end']

    return _MARKERS.sub(table, readme)


def _named(name: str, dataset: str, models: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    for model in models:
        if model['Name'] == name and any(result['Dataset'] == dataset for result in model.get('Results', [])):
            return model
    raise UserError(f'a table of results names {name!r}, which has no result on {dataset} in any metafile.',
                    fix='the name of a config that was measured there')


class Baseline(NamedTuple):
    """The best score on a data set of a model that was trained on nothing: a metric's name and its percent."""

    metric: str
    score: float


def untrained_score(models: Iterable[Mapping[str, Any]], dataset: str) -> Baseline | None:
    """The best mask AP (of label maps: mIoU) on a data set of a model that was trained on nothing.

    Models that are given something about the image (``Given``: boxes, clicks) do not count.
    """
    found = [result['Metrics'] for model in models if not model.get('Given') for result in model.get('Results', [])
             if result['Dataset'] == dataset and result.get('Training') == UNTRAINED]
    for metric in ('mask AP', 'mIoU'):
        scores = [metrics[metric] for metrics in found if metric in metrics]
        if scores:
            return Baseline(metric, max(scores))
    return None


def above_untrained(result: Mapping[str, Any], baseline: Baseline) -> str:
    """Whether a trained row lies above the baseline without training, and by how much; ``-`` where that is no question.

    Example:
        mask AP 45.7 with a baseline of 40.0 -> ``yes, +5.7``; 39.6 -> ``no, -0.4``; a row of mIoU alone -> ``-``
    """
    score = result['Metrics'].get(baseline.metric)
    if score is None or result.get('Training') == UNTRAINED:
        return '-'
    return f'{"yes" if score > baseline.score else "no"}, {score - baseline.score:+.1f}'


def results_table(models: Sequence[Mapping[str, Any]], dataset: str, baseline: Baseline | None = None,
                  others: Sequence[Mapping[str, Any]] = ()) -> str:
    """Markdown table of the models measured on one dataset, in the metafile's order.

    Args:
        baseline: Of :func:`untrained_score`; with one, a column compares every row with it.
        others: Models of other folders, for comparison; they come last.
    """
    rows = [(model, result) for model in (*models, *others) for result in model.get('Results', [])
            if result['Dataset'] == dataset]
    if not rows:
        return 'Not yet measured.\n'
    columns = _columns([result['Metrics'] for _, result in rows])
    if baseline is not None and baseline.metric not in columns:
        baseline = None
    compared = [] if baseline is None else [f'above {baseline.score:.1f}, no training']
    head = ['config', *columns.values(), *compared, 'parameters', 's/iter', 'training', 'peak memory']
    lines = [table_row(head), table_row(['---'] * len(head))]
    for model, result in rows:
        metrics = result['Metrics']
        lines.append(
            table_row([
                f'[`{model["Name"]}`]({_link(model, model in others)})',
                *(f'{metrics[name]:.1f}' if name in metrics else '' for name in columns),
                *([] if baseline is None else [above_untrained(result, baseline)]),
                f'{result["Parameters (M)"]:.2f} M',
                *_training_cells(model, result),
            ])
        )
    where = _measured_on([result for _, result in rows])
    note = one_training([result for _, result in rows], '../../docs')
    return '\n'.join(lines) + '\n\n' + f'Measured on {"; ".join(where)}. Commands: `metafile.yml`.{note}\n'


def one_training(results: Iterable[Mapping[str, Any]], docs: str) -> str:
    """What differences between rows tell, for tables with several trained rows; ``docs`` is the way to that folder."""
    trained = [result for result in results if 'Seed' in result]
    return '' if len(trained) < 2 else (
        '\nOne training a row: [differences up to about 2.5 points tell '
        f'nothing]({docs}/training.md#how-far-do-two-trainings-differ).')


def _columns(measured: Sequence[Mapping[str, float]]) -> dict[str, str]:
    """Name of a metric -> its column, for the rows of a table."""
    if is_semantic(measured):
        return SEMANTIC_COLUMNS
    own = [name for name in _OWN_COLUMNS if any(name in metrics for metrics in measured)]
    return {name: name for name in (*_COLUMNS, *own)}


def _training_cells(model: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    """Seconds an iteration, minutes and memory of the training; of a test alone, whose weights it is."""
    if result.get('Training') == UNTRAINED:
        return ['', untrained_words(model), '']
    if 'Weights' in result:
        return ['', f'weights of `{result["Weights"]}`', '']
    return [
        f'{seconds_per_iteration(result):.2f}', f'{result["Minutes"]:.1f} min', f'{result["Peak Memory (GB)"]:.2f} GB'
    ]


def untrained_words(model: Mapping[str, Any]) -> str:
    """What a row without training says of it: ``none``, or ``none; boxes given``."""
    return f'{UNTRAINED}; {model["Given"]} given' if model.get('Given') else UNTRAINED


def seconds_per_iteration(result: Mapping[str, Any]) -> float | None:
    """One training step measured by itself, else the median of the run, whose machine may have been busy."""
    return result.get('Speed', {}).get('Seconds per Training Step') or result.get('Seconds per Iteration')


def _measured_on(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Machines with their versions, each once, and the seeds of the trainings there (a test has none)."""
    seeds: dict[str, set[int]] = {}
    for result in results:
        drawn = seeds.setdefault(f'{result["Hardware"]}; {result["Versions"]}', set())
        if 'Seed' in result:
            drawn.add(result['Seed'])
    lines = []
    for machine in sorted(seeds):
        lines += [f'{machine}; seed {seed}' for seed in sorted(seeds[machine])] or [machine]
    return lines


def config_below_system(model: Mapping[str, Any]) -> str:
    """A model's config as its system's README links it: ``configs/gcn/ablations/a.py`` -> ``ablations/a.py``."""
    return Path(*Path(model['Config']).parts[2:]).as_posix()


def _link(model: Mapping[str, Any], other: bool) -> str:
    """A config from the README of a system, its own or another one."""
    return '/'.join(('..', *Path(model['Config']).parts[1:])) if other else config_below_system(model)


def table_row(cells: Sequence[str]) -> str:
    return '| ' + ' | '.join(cells) + ' |'
