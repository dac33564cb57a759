"""Class weights of a data set as a table and as a config."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.config.build import build_dataset
from mmseg_plugins.config.load import load_config
from mmseg_plugins.planning.label_counts import LabelCounts, count_labels, dataset_maps, folder_maps
from mmseg_plugins.utils.errors import UserError


def count_folder(folder: Path, classes: Sequence[str] | None, suffix: str, ignore_index: int) -> LabelCounts:
    """Labels of all maps in a folder.

    Raises:
        UserError: no class names, or what :func:`count_labels` finds wrong.
    """
    if not classes:
        raise UserError(f'{folder} is a folder, whose label maps name no classes.', fix='--classes NAME ...')
    return count_labels(folder_maps(folder, suffix), tuple(classes), ignore_index)


def count_config(config: str, split: str, ignore_index: int, cfg_options: Mapping[str, Any] | None) -> LabelCounts:
    """Labels of a config's data set, through its loading steps.

    Raises:
        UserError: the config or its data set cannot be read, or the data set names no classes.
    """
    cfg = load_config(config, cfg_options)
    cfg.setdefault('default_scope', 'mmseg')  # a base of a data set alone names none
    dataset = build_dataset(cfg, split)
    names = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    if not names:
        raise UserError(f'{type(dataset).__name__} of {config} names no classes.',
                        fix='metainfo=dict(classes=...) in the data set')
    return count_labels(dataset_maps(dataset), tuple(names), ignore_index)


def weight_table(found: LabelCounts, weights: Mapping[str, np.ndarray]) -> str:
    """Class, share of the labelled pixels, images that hold it, and its weights; a line of void at the end."""
    pixels, total = found.counts.sum(axis=0), found.counts.sum()
    width = max(5, *(len(name) for name in found.names))
    lines = [f'{"class":<{width}}  pixels %  images  ' + '  '.join(f'{name.replace("_", " "):>16}' for name in weights)]
    for k, name in enumerate(found.names):
        values = '  '.join(f'{weight[k]:>16.4f}' for weight in weights.values())
        lines.append(f'{name:<{width}}  {100 * pixels[k] / total:>8.2f}  {(found.counts[:, k] > 0).sum():>6}  {values}')
    void = 100 * found.void.sum() / (total + found.void.sum())
    lines.append(f'{len(found.counts)} label maps, {void:.2f} % of all pixels void')
    absent = [name for name, number in zip(found.names, pixels, strict=True) if not number]
    if absent:
        lines.append(f'in no map, weight 0: {", ".join(absent)}')
    return '\n'.join(lines)


def weight_config(found: LabelCounts, weights: Mapping[str, np.ndarray], command: str) -> str:
    """The weights as variables of a config in text style, six digits each."""
    lines = [f'# Class weights of {len(found.counts)} label maps, made by', f'#   {command}',
             f'# Classes: {", ".join(found.names)}.',
             '# List this file in _base_ and write class_weight={{_base_.NAME}}.']
    for name, values in weights.items():
        numbers = textwrap.fill(', '.join(f'{value:.6g}' for value in values), 110)
        lines.append(f'{name}_weights = [\n{textwrap.indent(numbers, "    ")}\n]')
    return '\n'.join(lines) + '\n'
