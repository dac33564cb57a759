"""What becomes of damaged data: refused by the check, or trained and validated; ``python tests/data_promise.py``."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import damaged_coco
import damaged_maps
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.registry import DATASETS, DefaultScope
from tiny_models import build
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

from mmseg_plugins import setup
from mmseg_plugins.data_check.check_config import check_config
from mmseg_plugins.data_check.check_report import collect_problems


class Outcome(NamedTuple):
    """``refused``, ``accepted with a note``, ``accepted``, ``check died`` or ``died later``, and what was said."""

    kind: str
    text: str


@cache
def _model(scope: str) -> torch.nn.Module:
    config = detector_config if scope == 'mmdet' else segmentor_config
    return build(config('.', '.'))


def outcome(cfg: Config, go_on: Callable[[Config], None]) -> Outcome:
    """Check a config's data as ``check-data`` does, and ``go_on`` with what is accepted."""
    try:
        reports = check_config(cfg)
        problems = collect_problems(reports)
    except Exception as error:
        return Outcome('check died', repr(error))
    if problems:
        return Outcome('refused', '\n'.join(text for _, text in problems))
    said = [note for report in reports for note in report.notes if 'one meaning' in note]
    said += [kind for report in reports for kind in report.counts]
    try:
        with contextlib.redirect_stdout(io.StringIO()), DefaultScope.overwrite_default_scope(cfg.default_scope):
            go_on(cfg)
    except Exception as error:
        return Outcome('died later', repr(error))
    return Outcome('accepted with a note' if said else 'accepted', '; '.join(said))


def load_all(cfg: Config) -> None:
    """Load every item for training and validation, and let the metrics read what they read."""
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        dataset = DATASETS.build(loader.dataset)
        for i in range(len(dataset)):
            dataset[i]
    Evaluator(cfg.val_evaluator).dataset_meta = dataset.metainfo


def train_and_validate(cfg: Config) -> None:
    """One step on all training images, then a validation."""
    model = _model(cfg.default_scope)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    data = model.data_preprocessor(pseudo_collate([dataset[i] for i in range(len(dataset))]), True)
    losses = model.train().loss(data['inputs'], data['data_samples'])
    total, _ = model.parse_losses(losses)
    total.backward()
    model.zero_grad()
    if not total.isfinite():
        raise FloatingPointError(f'loss {total.item()}')
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    evaluator = Evaluator(cfg.val_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    model.eval()
    for i in range(len(dataset)):
        with torch.no_grad():
            evaluator.process(model.val_step(pseudo_collate([dataset[i]])))
    evaluator.evaluate(len(dataset))


def try_kind(task: str, spoil: Callable[[Path], None], folder: Path,
             go_on: Callable[[Config], None] = train_and_validate) -> Outcome:
    """Write a toy set for ``task`` (``instances`` or ``label maps``), spoil it, and see."""
    setup()  # as every command does: COCO files are then read normalized
    data = folder / 'data'
    if task == 'instances':
        spoil(write_toy_coco(data, images=2))
        return outcome(detector_config(data, folder), go_on)
    spoil(write_toy_label_maps(data, images=2))
    cfg = segmentor_config(data, folder)
    if (data / 'list.txt').exists():
        for loader in (cfg.train_dataloader, cfg.val_dataloader):
            loader.dataset.ann_file = 'list.txt'
    return outcome(cfg, go_on)


def all_kinds() -> dict[str, dict[str, Callable[[Path], None]]]:
    return {'instances': damaged_coco.damages(), 'label maps': damaged_maps.damages()}


def bad_words(result: Outcome) -> bool:
    """Whether a refusal lacks its fix or shows a traceback."""
    return result.kind == 'refused' and ('Fix' not in result.text or re.search('Traceback', result.text) is not None)


def main() -> None:
    """Print the table of docs/data_check.md and every kind that died."""
    rows: dict[str, Any] = {}
    logging.disable(logging.INFO)
    for task, kinds in all_kinds().items():
        start = time.process_time()
        counts: Counter[str] = Counter()
        for name, spoil in kinds.items():
            with tempfile.TemporaryDirectory() as folder:
                result = try_kind(task, spoil, Path(folder))
            counts[result.kind] += 1
            if 'died' in result.kind or bad_words(result):
                print(f'{task} | {name} | {result.kind} | {result.text[:300]}', flush=True)
        rows[task] = (len(kinds), counts, time.process_time() - start)
    print('| data | kinds | refused | accepted with a note | accepted | died | CPU time |')
    print('|---|---|---|---|---|---|---|')
    for task, (number, counts, seconds) in rows.items():
        died = counts['check died'] + counts['died later']
        print(f'| {task} | {number} | {counts["refused"]} | {counts["accepted with a note"]} | {counts["accepted"]} | '
              f'{died} | {seconds:.0f} s |')


if __name__ == '__main__':
    main()
