"""Measured results: from a run's summary into metafile.yml.

A number is written once, by :func:`record`, next to the config that made it; ``results_table.py`` makes tables of them.

A config that is another one with something done at test time (a CRF, batch
statistics) is not trained: its metafile entry says ``Weights Of: <that config>``,
``tools/test.py`` tests it with those weights, and its row holds that test.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mmseg_plugins.reporting.scalars import Row
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.yaml_text import read_yaml

#: Metric of a validation -> the metafile's name of it and the factor to percent (mmseg and PQ give percent).
_METRICS = {
    'coco/segm_mAP': ('mask AP', 100),
    'coco/segm_mAP_50': ('mask AP50', 100),
    'coco/segm_mAP_75': ('mask AP75', 100),
    'coco/segm_mAP_s': ('mask AP S', 100),
    'coco/segm_mAP_m': ('mask AP M', 100),
    'coco/segm_mAP_l': ('mask AP L', 100),
    'coco/bbox_mAP': ('box AP', 100),
    'coco/AR@10': ('mask AR@10', 100),
    'coco/AR@100': ('mask AR@100', 100),
    'coco/AR@1000': ('mask AR@1000', 100),
    'coco_panoptic/PQ': ('PQ', 1),
    'semantic/mIoU': ('mIoU', 1),
    'foreground/IoU': ('foreground IoU', 1),
    'mIoU': ('mIoU', 1),
    'mAcc': ('mAcc', 1),
    'aAcc': ('aAcc', 1),
    'sds/mAPr_50': ('mAP^r .5', 100),
    'sds/mAPr_70': ('mAP^r .7', 100),
}
#: Of which metric a curve is, the first that a run has.
_MAIN_METRICS = ('PQ', 'mask AP', 'mIoU')
#: ``Training`` of a row whose model has no parameters.
UNTRAINED = 'none'
_PACKAGES = ('torch', 'mmcv', 'onedl-mmcv', 'mmdet', 'onedl-mmdetection')  # of either line of OpenMMLab
_SEMANTIC_PACKAGES = ('torch', 'mmcv', 'onedl-mmcv', 'mmsegmentation', 'onedl-mmsegmentation')
_NO_OBJECT = -1  # what COCO's evaluation gives where there is no object of that size


def summary_to_results(summary: Mapping[str, Any], scalars: Iterable[Row] = ()) -> dict[str, Any]:
    """The part of a run's ``summary.json`` that a metafile keeps.

    Metrics are those of the last validation, in percent (0..100) as in the
    hosts' metafiles; time in minutes of the whole run, validations included.

    Args:
        scalars: Rows of the run's ``scalars.csv``; with two validations or more the result has a ``Curve``.

    Raises:
        ValueError: the run did not finish, or has no validation.
    """
    if summary['status'] != 'finished':
        raise UserError(f'the run is {summary["status"]!r}, only finished runs are recorded.', fix='resume it.')
    metrics = _known(summary['metrics']['final'], 'the last validation')
    curve = score_curve(scalars)
    return {
        'Metrics': metrics,
        **({'Curve': curve} if curve else {}),
        'Minutes': round(float(summary['minutes']), 1),
        'Seconds per Iteration': summary['seconds_per_iteration_median'],
        'Peak Memory (GB)': round(max(summary['peak_memory'].values()) / 1024, 2),
        'Parameters (M)': round(summary['parameters']['total'] / 1e6, 2),
        'Hardware': hardware_name(summary['hardware'], summary.get('precision', 'float32')),
        'Seed': summary['seed'],
        'Command': _public_command(summary['command']),
        'Versions': _versions(summary['versions'], metrics),
    }


def score_curve(scalars: Iterable[Row]) -> dict[str, dict[int, float]]:
    """Name of a run's main metric (PQ, mask AP or mean IoU) -> iteration of each validation -> percent.

    Empty where fewer than two validations have such a metric.
    """
    validations = {int(row['iter']): _percent(row) for row in scalars if row['phase'] == 'val'}
    for name in _MAIN_METRICS:
        points = {iteration: scores[name] for iteration, scores in validations.items() if name in scores}
        if len(points) > 1:
            return {name: points}
    return {}


def evaluation_to_results(tested: Mapping[str, Any], weights_of: str | None) -> dict[str, Any]:
    """The part of a test's ``test_summary.json`` that a metafile keeps; the weights are another config's, or none.

    Args:
        tested: What ``tools/test.py`` left in its working folder.
        weights_of: Name of the config that trained the checkpoint; None for a model without parameters.

    Raises:
        ValueError: none of the known metrics.
    """
    metrics = _known(tested['metrics'], 'the test')
    return {
        'Metrics': metrics,
        **({'Training': UNTRAINED} if weights_of is None else {'Weights': weights_of}),
        'Test Minutes': round(float(tested['minutes']), 1),
        'Parameters (M)': round(tested['parameters']['total'] / 1e6, 2),
        'Hardware': hardware_name(tested['hardware']),
        'Command': _public_command(tested['command']),
        'Versions': _versions(tested['versions'], metrics),
    }


def _known(values: Mapping[str, Any], source: str) -> dict[str, float]:
    metrics = _percent(values)
    if not metrics:
        raise UserError(f'{source} has none of {", ".join(_METRICS)}; found {", ".join(values) or "none"}.')
    return metrics


def _percent(values: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: round(factor * float(values[key]), 1) for key, (name, factor) in _METRICS.items()
        if key in values and values[key] not in (None, _NO_OBJECT)
    }


def _versions(versions: Mapping[str, str], metrics: Mapping[str, float]) -> str:
    packages = _SEMANTIC_PACKAGES if is_semantic([metrics]) else _PACKAGES
    return ', '.join(f'{name} {versions[name]}' for name in packages if name in versions)


def is_semantic(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the metrics of a table's rows are those of label maps alone."""
    return bool(rows) and all('mIoU' in metrics and not {'mask AP', 'PQ'} & set(metrics) for metrics in rows)


def speed_to_results(measured: Mapping[str, Any], hardware: Mapping[str, Any]) -> dict[str, Any]:
    """What a metafile keeps of :func:`mmseg_plugins.benchmark.models.measure_trained`.

    Operations are multiply-adds of one image, in 10^9, and absent where torch cannot count them.
    """
    operations = {} if measured['macs'] is None else {'GMACs': float(f'{measured["macs"] / 1e9:.4g}')}
    height, width = measured['size']
    step = measured['train_s']
    training = {} if step is None else {'Seconds per Training Step': float(f'{step:.4g}')}
    return {
        'Speed': {
            'Seconds per Image': float(f'{measured["infer_s"]:.4g}'),
            **training,
            **operations,
            'Image': f'{height} x {width}',
            'Hardware': hardware_name(hardware),
        }
    }


def hardware_name(hardware: Mapping[str, Any], precision: str = 'float32') -> str:
    """The GPUs, or the CPU with its threads; and the precision where it is mixed."""
    gpus = ', '.join(gpu['name'] for gpu in hardware['gpus'])
    name = gpus or f'{hardware["cpu"]}, {hardware["torch_threads"]} thread(s)'
    return name if precision == 'float32' else f'{name}, mixed {precision}'


def record(metafile: Path, config: str, dataset: str, results: Mapping[str, Any]) -> None:
    """Write the results of one config on one data set into its metafile, in place of earlier ones.

    The rest of the file keeps its bytes, comments included.

    Raises:
        ValueError: the metafile has no model with this config.
    """

    def entered(block: str) -> str:
        kept = re.sub(r'(?m)^    Results:\n(?:(?:      .*)?\n)*', '', block).rstrip('\n') + '\n'
        others = [entry for entry in read_yaml(block)[0].get('Results', []) if entry['Dataset'] != dataset]
        metrics = results['Metrics']
        level = 'Panoptic' if 'PQ' in metrics and 'mask AP' not in metrics else 'Instance'
        level = 'Semantic' if is_semantic([metrics]) else level
        return kept + _lines({'Results': [*others, {'Task': f'{level} Segmentation', 'Dataset': dataset, **results}]})

    _edit(metafile, config, entered)


def record_weights(metafile: Path, config: str, entries: Mapping[str, Any]) -> None:
    """Write keys of one config's row that say which file holds its weights, in place of earlier ones.

    Raises:
        UserError: the metafile has no model with this config.
    """

    def entered(block: str) -> str:
        for key in entries:
            block = re.sub(rf'(?m)^    {re.escape(key)}:.*\n(?:      .*\n)*', '', block)
        head, results, rest = block.rstrip('\n').partition('\n    Results:\n')
        return f'{head}\n{_lines(entries)}{results[1:]}{rest}'.rstrip('\n') + '\n'

    _edit(metafile, config, entered)


def _edit(metafile: Path, config: str, change: Callable[[str], str]) -> None:
    """Replace the text of one config's row; the rest of the file keeps its bytes."""
    blocks = re.split(r'(?m)^(?=  - Name: )', metafile.read_text())
    for index, block in enumerate(blocks):
        if f'    Config: {config}\n' in block:
            blocks[index] = change(block)
            metafile.write_text(''.join(blocks))
            return
    raise UserError(f'{metafile} has no model with "Config: {config}".', fix='add its entry first.')


def _lines(entries: Mapping[str, Any]) -> str:
    """YAML of some keys of a row, indented as its others."""
    texts = [yaml.safe_dump({key: value}, sort_keys=False, width=1000) for key, value in entries.items()]
    return ''.join(f'    {line}\n' for text in texts for line in _indented(text))


def weights_of(metafiles: Sequence[Path], config: str) -> str:
    """Name of the model whose weights a config is tested with (``Weights Of``).

    Raises:
        ValueError: the config has no such entry, or it names no model.
    """
    models = [model for path in metafiles for model in read_models(path)]
    named = next((model.get('Weights Of') for model in models if model['Config'] == config), None)
    if named is None:
        raise UserError(
            f'the metafile entry of {config} says nothing about whose weights it is tested with.',
            fix='add "Weights Of: <name of the config that was trained>" there.',
        )
    if named not in {model['Name'] for model in models}:
        raise UserError(
            f'Weights Of: {named!r} in the metafile entry of {config} names no model.',
            fix='the name of a config that has an entry itself.',
        )
    return str(named)


def read_models(metafile: Path) -> list[dict[str, Any]]:
    """The models of a metafile."""
    return list(read_yaml(metafile.read_text())['Models'])


def read_summary(work_dir: Path, name: str = 'summary.json') -> dict[str, Any]:
    """``summary.json`` of a working folder, or ``test_summary.json``.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        return dict(json.loads((work_dir / name).read_text(encoding='utf-8')))
    except (OSError, ValueError) as error:
        raise UserError(f'{work_dir / name} cannot be read: {error}.',
                        fix='name the working folder of a finished run') from error


def _public_command(command: str) -> str:
    """The command without folders of the machine it ran on: those of outputs and data are the reader's choice."""
    words = shlex.split(command)
    kept: list[str] = []
    for word in words:
        if kept and kept[-1] == '--work-dir':
            kept.pop()
            continue
        # of a checkpoint below another folder, the part that the reader will have as well
        below = f'{os.sep}work_dirs{os.sep}'
        kept.append('work_dirs' + os.sep + word.split(below, 1)[1] if below in word else word)
    return shlex.join(word for word in kept if not word.startswith('data_root='))


def _indented(text: str) -> list[str]:
    """yaml.safe_dump writes list items flush with their key; the hosts indent them."""
    head, *rest = text.splitlines()
    return [head, *(f'  {line}' for line in rest)] if rest and rest[0].startswith('-') else [head, *rest]
