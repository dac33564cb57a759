"""Measured results: from a run's summary into metafile.yml, and from there into tables.

A number is written once, by :func:`record`, next to the config that made it;
:func:`fill_tables` prints it wherever a README asks with a marker pair::

    <!-- results: nuclei -->
    <!-- end of results -->
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

_MARKERS = re.compile(r'(<!-- results: (?P<dataset>[\w-]+) -->\n).*?(<!-- end of results -->)', re.DOTALL)
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
    'mIoU': ('mIoU', 1),
    'sds/mAPr_50': ('mAP^r .5', 100),
    'sds/mAPr_70': ('mAP^r .7', 100),
}
_PACKAGES = ('torch', 'mmcv', 'onedl-mmcv', 'mmdet', 'onedl-mmdetection')  # of either line of OpenMMLab
_NO_OBJECT = -1  # what COCO's evaluation gives where there is no object of that size
_COLUMNS = ('mask AP', 'mask AP50', 'mask AP75', 'box AP')


def summary_to_results(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a run's ``summary.json`` that a metafile keeps.

    Metrics are those of the last validation, in percent (0..100) as in the
    hosts' metafiles; time in minutes of the whole run, validations included.

    Raises:
        ValueError: the run did not finish, or has no validation.
    """
    if summary['status'] != 'finished':
        raise ValueError(f'the run is {summary["status"]!r}, only finished runs are recorded. Remedy: resume it.')
    final = summary['metrics']['final']
    metrics = {
        name: round(factor * float(final[key]), 1) for key, (name, factor) in _METRICS.items()
        if key in final and final[key] not in (None, _NO_OBJECT)
    }
    if not metrics:
        raise ValueError(f'the last validation has none of {", ".join(_METRICS)}; found {", ".join(final) or "none"}.')
    versions = summary['versions']
    return {
        'Metrics': metrics,
        'Minutes': round(float(summary['minutes']), 1),
        'Seconds per Iteration': summary['seconds_per_iteration_median'],
        'Peak Memory (GB)': round(max(summary['peak_memory'].values()) / 1024, 2),
        'Parameters (M)': round(summary['parameters']['total'] / 1e6, 2),
        'Hardware': hardware_name(summary['hardware']),
        'Seed': summary['seed'],
        'Command': _public_command(summary['command']),
        'Versions': ', '.join(f'{name} {versions[name]}' for name in _PACKAGES if name in versions),
    }


def inference_to_results(measured: Mapping[str, Any], hardware: Mapping[str, Any]) -> dict[str, Any]:
    """What a metafile keeps of :func:`mmseg_plugins.apis.measure.measure_inference`.

    Operations are multiply-adds of one image, in 10^9, and absent where torch cannot count them.
    """
    operations = {} if measured['macs'] is None else {'GMACs': float(f'{measured["macs"] / 1e9:.4g}')}
    height, width = measured['size']
    return {
        'Inference': {
            'Seconds per Image': float(f'{measured["infer_s"]:.4g}'),
            **operations,
            'Image': f'{height} x {width}',
            'Hardware': hardware_name(hardware),
        }
    }


def hardware_name(hardware: Mapping[str, Any]) -> str:
    """The GPUs, or the CPU with its threads."""
    gpus = ', '.join(gpu['name'] for gpu in hardware['gpus'])
    return gpus or f'{hardware["cpu"]}, {hardware["torch_threads"]} thread(s)'


def record(metafile: Path, config: str, dataset: str, results: Mapping[str, Any]) -> None:
    """Write the results of one config into its metafile, in place of earlier ones.

    The rest of the file keeps its bytes, comments included.

    Raises:
        ValueError: the metafile has no model with this config.
    """
    blocks = re.split(r'(?m)^(?=  - Name: )', metafile.read_text())
    for index, block in enumerate(blocks):
        if f'    Config: {config}\n' in block:
            kept = re.sub(r'(?m)^    Results:\n(?:(?:      .*)?\n)*', '', block).rstrip('\n') + '\n'
            entry = [{'Task': 'Instance Segmentation', 'Dataset': dataset, **results}]
            text = yaml.safe_dump({'Results': entry}, sort_keys=False, width=1000)
            blocks[index] = kept + ''.join(f'    {line}\n' for line in _indented(text))
            metafile.write_text(''.join(blocks))
            return
    raise ValueError(f'{metafile} has no model with "Config: {config}". Remedy: add its entry first.')


def fill_tables(readme: str, models: Sequence[Mapping[str, Any]]) -> str:
    """A README's text with every marked table made anew from the metafile's models."""

    def table(match: re.Match[str]) -> str:
        return match.group(1) + results_table(models, match.group('dataset')) + match.group(3)

    return _MARKERS.sub(table, readme)


def results_table(models: Sequence[Mapping[str, Any]], dataset: str) -> str:
    """Markdown table of the models measured on one dataset, in the metafile's order."""
    rows = [(model, result) for model in models for result in model.get('Results', []) if result['Dataset'] == dataset]
    if not rows:
        return 'Not yet measured.\n'
    head = ['config', *_COLUMNS, 'parameters', 's/iter', 'training', 'peak memory']
    lines = [table_row(head), table_row(['---'] * len(head))]
    for model, result in rows:
        metrics = result['Metrics']
        lines.append(
            table_row([
                f'[`{model["Name"]}`]({Path(model["Config"]).name})',
                *(f'{metrics[name]:.1f}' if name in metrics else '' for name in _COLUMNS),
                f'{result["Parameters (M)"]:.2f} M',
                f'{result["Seconds per Iteration"]:.2f}',
                f'{result["Minutes"]:.1f} min',
                f'{result["Peak Memory (GB)"]:.2f} GB',
            ])
        )
    where = sorted({f'{result["Hardware"]}; {result["Versions"]}; seed {result["Seed"]}' for _, result in rows})
    return '\n'.join(lines) + '\n\n' + f'Measured on {"; ".join(where)}. Commands: `metafile.yml`.\n'


def read_models(metafile: Path) -> list[dict[str, Any]]:
    """The models of a metafile."""
    return list(yaml.safe_load(metafile.read_text())['Models'])


def read_summary(work_dir: Path) -> dict[str, Any]:
    """``summary.json`` of a working folder."""
    return dict(json.loads((work_dir / 'summary.json').read_text()))


def _public_command(command: str) -> str:
    """The command without folders of the machine it ran on: those of outputs and data are the reader's choice."""
    words = shlex.split(command)
    kept: list[str] = []
    for word in words:
        if kept and kept[-1] == '--work-dir':
            kept.pop()
            continue
        kept.append(word)
    return shlex.join(word for word in kept if not word.startswith('data_root='))


def _indented(text: str) -> list[str]:
    """yaml.safe_dump writes list items flush with their key; the hosts indent them."""
    head, *rest = text.splitlines()
    return [head, *(f'  {line}' for line in rest)]


def table_row(cells: Sequence[str]) -> str:
    return '| ' + ' | '.join(cells) + ' |'
