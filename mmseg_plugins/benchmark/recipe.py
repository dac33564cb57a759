"""Which learning rate suits a system?  The same few tries for each, judged on a part of the training set.

1. A tenth of the training images is held out, drawn by a seed alone.  The validation images are never read.
2. The config trains on the rest, as short as wanted, once for each factor on its learning rate.
3. Each try is scored on the images that were held out.
4. The highest score wins.  Scores at most ``tie`` points below it count as equal: of those the factor nearest to 1
   wins, and of two as near the lower one.  A try that fails has no score.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config

from mmseg_plugins.benchmark.short_runs import (
    SCORES,
    WORKERS,
    read_training_truth,
    run_and_score,
    short_config,
    write_images,
)
from mmseg_plugins.config.build import build_dataset
from mmseg_plugins.config.walk import base_datasets, leaf_datasets, shares_labels
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.utils.errors import UserError

#: The score that decides: the first of these that the evaluator gives.
DECIDES = ('coco_panoptic/PQ', 'coco/segm_mAP', 'mIoU')


class Settings(NamedTuple):
    """What every try has in common.

    Attributes:
        iters: Training iterations.
        share: Of the training images, held out.
        seed: Of the draw, the weights and the order.
        precise: Score every try a second time, with precise batch norm statistics.
    """

    iters: int = 150
    share: float = 0.1
    seed: int = 0
    precise: bool = False


class Choice(NamedTuple):
    """What won.

    Attributes:
        factor: On the learning rate; None where every try failed.
        precise: Whether with precise batch norm statistics.
        score: Its score in percent; None where every try failed.
        note: ``'tie'``, ``'edge'`` (the lowest or highest rate won outright, a better one may lie beyond it), or empty.
    """

    factor: float | None
    precise: bool = False
    score: float | None = None
    note: str = ''


def try_rate(cfg: Config, settings: Settings, factor: float) -> dict[str, Any]:
    """One try: train on the larger part of the training images, score on the part that was held out.

    Returns:
        What :func:`~mmseg_plugins.benchmark.short_runs.run_and_score` gives, and ``held_out`` and ``trained_on``, the
        numbers of images.

    Raises:
        UserError: see :func:`hold_out` and :func:`~mmseg_plugins.benchmark.short_runs.short_config`.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cfg = short_config(cfg, iters=settings.iters, lr_factor=factor, seed=settings.seed)
        trained_on, held_out = hold_out(cfg, folder, settings.share, settings.seed)
        return dict(run_and_score(cfg, precise=settings.precise), trained_on=trained_on, held_out=held_out)


def hold_out(cfg: Config, folder: str, share: float, seed: int) -> tuple[int, int]:
    """Let a config validate on a share of its training images and train on the others, in place.

    Images of a COCO file are divided by two files in ``folder``, others by ``indices`` of the data set.  They are
    validated by the config's own validation pipeline and metric.

    Returns:
        Numbers of images to train on and of those held out.

    Raises:
        UserError: several training sets in one, or fewer than two images.
    """
    loader = cfg.train_dataloader
    leaves = list(leaf_datasets(loader.dataset))
    if len(leaves) != 1 or shares_labels(loader.dataset):
        raise UserError(f'the training set is made of {len(leaves)} data sets.', rule='it must be one to be divided.',
                        fix='choose a config that trains on one')
    own = next(iter(leaf_datasets(cfg.val_dataloader.dataset)))
    leaf, held = leaves[0], deepcopy(leaves[0])
    held.update(pipeline=own.pipeline, test_mode=own.get('test_mode', False))
    if str(leaf.get('ann_file') or '').endswith('.json'):
        path = os.path.join(leaf.get('data_root') or '', leaf.ann_file)
        files, numbers = _divide_file(path, Path(folder), share, seed)
        leaf.ann_file, held.ann_file = files
    else:
        number = sum(len(part) for part in base_datasets(build_dataset(cfg, 'train')))
        leaf['indices'], held['indices'] = divide(number, share, seed)
        numbers = len(leaf['indices']), len(held['indices'])
    loader.update(WORKERS)
    read_training_truth(cfg, held)
    cfg.val_dataloader = dict(batch_size=1, sampler=dict(type='DefaultSampler', shuffle=False), dataset=held, **WORKERS)
    return numbers


def divide(number: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """Places of the images to train on and of those held out, each ascending; at least one is held out.

    Raises:
        UserError: fewer than two images, or nothing left to train on.
    """
    held = max(round(number * share), 1)
    if held >= number:
        raise UserError(f'{held} of {number} training images would be held out.', rule='some must be left to train on.',
                        fix='a smaller --held-out, or more images')
    order = np.random.RandomState(seed).permutation(number)
    return sorted(order[held:].tolist()), sorted(order[:held].tolist())


def _divide_file(path: str, folder: Path, share: float, seed: int) -> tuple[list[str], tuple[int, int]]:
    content = read_coco(path).content
    parts = divide(len(content['images']), share, seed)
    files = [folder.resolve() / name for name in ('train.json', 'held_out.json')]
    for file, places in zip(files, parts, strict=True):
        write_images(content, {content['images'][place]['id'] for place in places}, file)
    return [str(file) for file in files], (len(parts[0]), len(parts[1]))


def choose(rows: Mapping[float, Mapping[str, Any]], *, precise: bool = False, tie: float = 0.5) -> Choice:
    """The factor that wins among the tries of one config.

    Args:
        rows: Factor -> what :func:`try_rate` gave, or ``error``.
        precise: Precise statistics are a try, too; the moving averages win a tie.
        tie: Points below the best score that count as equal.

    Example:
        scores 20.0, 24.0, 24.3 of the factors 1/3, 1, 3 -> 1 ('tie'); 20.0, 24.0, 30.0 -> 3 ('edge')
    """
    found: list[tuple[float, float, bool]] = []
    for factor, row in rows.items():
        for exact in (False, True) if precise else (False, ):
            value = score(row, exact)
            if value is not None:
                found.append((value, factor, exact))
    if not found:
        return Choice(None)
    best = max(found)[0]
    near = [one for one in found if one[0] >= best - tie]
    value, factor, exact = min(near, key=lambda one: (abs(math.log(one[1])), one[1], one[2]))
    factors = {one[1] for one in near}
    at_edge = len(rows) > 1 and factor in (min(rows), max(rows))
    return Choice(factor, exact, value, 'tie' if len(factors) > 1 else 'edge' if at_edge else '')


def score(row: Mapping[str, Any], precise: bool = False) -> float | None:
    """The score that decides, in percent; None where the try failed or, with ``precise``, has no batch norm."""
    scores = row.get('precise' if precise else 'scores') or {}
    return next((float(scores[name]) for name in DECIDES if name in scores), None)


def format_choices(tries: Mapping[str, Mapping[float, Mapping[str, Any]]], factors: Sequence[float], *,
                   precise: bool = False, tie: float = 0.5) -> str:
    """A Markdown table: a row per config, its rate, the score of each factor, the choice.

    The rate is the config's when the tries were made.  With ``precise`` a score has a second one after a slash.

    Args:
        tries: Config -> factor -> what :func:`try_rate` gave.
    """
    lines = ['| config | score | lr | ' + ' | '.join(f'lr x {factor:.3g}' for factor in factors) + ' | chosen |',
             '|---' * (len(factors) + 4) + '|']
    for name, rows in tries.items():
        known = [metric for row in rows.values() for metric in DECIDES if metric in (row.get('scores') or {})]
        rates = dict.fromkeys(f'{row["lr"]:g}' for row in rows.values() if row.get('lr') is not None)
        cells = [', '.join(rates), *(_cell(rows.get(factor), precise) for factor in factors)]
        choice = choose(rows, precise=precise, tie=tie)
        words = 'none' if choice.factor is None else f'x {choice.factor:.3g}'
        words += ', precise statistics' * choice.precise + f' ({choice.note})' * bool(choice.note)
        lines.append(f'| {name} | {SCORES[known[0]] if known else ""} | {" | ".join(cells)} | {words} |')
    return '\n'.join(lines)


def format_settings(tries: Mapping[str, Mapping[float, Mapping[str, Any]]]) -> str:
    """One line: what the tries have in common; several values where they differ."""
    rows = [row for own in tries.values() for row in own.values() if 'error' not in row]

    def each(group: str, name: str) -> str:
        return ', '.join(dict.fromkeys(str(row[group][name]) for row in rows))

    return (f'{each("settings", "iters")} iterations, {each("settings", "share")} of the training images held out, '
            f'seed {each("settings", "seed")}. Measured on {each("machine", "cpu")}, {each("machine", "threads")} '
            f'thread(s); torch {each("machine", "torch")}.')


def _cell(row: Mapping[str, Any] | None, precise: bool) -> str:
    if row is None:
        return ''
    values = [score(row), score(row, True) if precise else None]
    return ' / '.join(f'{value:.1f}' for value in values if value is not None) or 'failed'
