"""What becomes of damaged data: refused by the check, or used to the end; ``python tests/data_promise.py``.

To the end: training is killed after an iteration, the same command resumes it, it validates, the checkpoint is tested
with its predictions written, and each image is predicted.
"""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import logging
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import damaged_coco
import damaged_maps
import damaged_panoptic
import damaged_sbd
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, DefaultScope
from mmengine.structures import InstanceData
from sbd_sets import write_sbd
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

from mmseg_plugins import setup
from mmseg_plugins.apis.data import add_size_problems
from mmseg_plugins.apis.image_inputs import build_loader, split_pipeline
from mmseg_plugins.apis.inference import Predictor
from mmseg_plugins.config.walk import leaf_datasets
from mmseg_plugins.data_check.check_config import check_config
from mmseg_plugins.data_check.check_report import collect_problems
from mmseg_plugins.engine import SafeRunner
from mmseg_plugins.engine.hooks.test_results_hook import TestResultsHook
from mmseg_plugins.evaluation.streamed_results import StreamedResults, coco_file

_RUNS = itertools.count()


class Outcome(NamedTuple):
    """``refused``, ``accepted with a note``, ``accepted``, ``check died`` or ``died later``, and what was said."""

    kind: str
    text: str


def outcome(cfg: Config, go_on: Callable[[Config], None]) -> Outcome:
    """Check a config's data as ``check-data`` does, and ``go_on`` with what is accepted."""
    try:
        reports = check_config(cfg)
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            add_size_problems(reports, cfg)
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
    """Load every item for training, validation and prediction, and let the metrics read what they read."""
    predicted = build_loader(cfg, split_pipeline(cfg)[0])
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        dataset = DATASETS.build(dict(loader.dataset, serialize_data=False))  # serializing collects garbage: slow
        for i in range(len(dataset)):
            dataset[i]
            predicted(dataset.get_data_info(i)['img_path'])
    Evaluator(cfg.val_evaluator).dataset_meta = dataset.metainfo
    if cfg.default_scope == 'mmdet':
        streamed = StreamedResults(Path(cfg.work_dir) / 'out', ann_file=coco_file(cfg))
        streamed.dataset_meta = dataset.metainfo
        labels = torch.arange(len(dataset.metainfo['classes']))
        found = InstanceData(bboxes=torch.zeros(len(labels), 4), labels=labels, scores=torch.ones(len(labels)))
        streamed.process(None, [dict(img_id=1, img_path='a/1.png', pred_instances=found)])
        streamed.evaluate(1)


class _Killed(Exception):
    """Ends a run as a kill would."""


class _KillHook(Hook):
    priority = 'LOWEST'

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        raise _Killed


def use_to_the_end(cfg: Config) -> None:
    """Train, kill, resume, validate, test with predictions written, predict."""
    cfg = copy.deepcopy(cfg)
    cfg.update(resume='auto', log_level='ERROR', run_report=False, progress=False)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        for dataset in leaf_datasets(loader.dataset):
            dataset.serialize_data = False  # serializing collects garbage: slow
    with mock.patch.object(Config, 'pretty_text', property(plain_config_text)):
        _use(cfg)


def plain_config_text(cfg: Config) -> str:
    """A config as Python, without the formatting that takes most of the time of a run of two iterations."""
    return ''.join(f'{key} = {value!r}\n' for key, value in cfg.to_dict().items())


def _use(cfg: Config) -> None:
    torch.manual_seed(0)
    killed = _runner(cfg)
    killed.register_hook(_KillHook())
    with contextlib.suppress(_Killed):
        killed.train()
        if killed.max_iters:
            raise AssertionError('it was not killed')
    resumed = _runner(cfg)
    resumed.train()
    if resumed.iter != resumed.max_iters:
        raise AssertionError(f'it ended at iteration {resumed.iter}')
    out = Path(cfg.work_dir) / 'out'
    resumed.register_hook(TestResultsHook([StreamedResults(out, ann_file=coco_file(cfg))]))
    resumed.test()
    if not any(path.is_file() for path in out.rglob('*')):
        raise AssertionError('test --out wrote nothing')
    if not resumed.max_iters:  # no iteration, no checkpoint
        return
    predictor = Predictor(cfg, Path(cfg.work_dir) / f'iter_{resumed.max_iters}.pth', 'cpu')
    dataset = resumed.test_loop.dataloader.dataset
    predictor([dataset.get_data_info(i)['img_path'] for i in range(len(dataset))])


def _runner(cfg: Config) -> SafeRunner:
    cfg = copy.deepcopy(cfg)
    cfg.experiment_name = f'promise{next(_RUNS)}'  # mmengine shares loggers between runs of one name
    return SafeRunner.from_cfg(cfg)


class Task(NamedTuple):
    """A kind of data: writes a toy set of two images or so, its config, and the ways to damage it."""

    write: Callable[..., Path]
    config: Callable[..., Config]
    damages: Callable[[], dict[str, Callable[[Path], None]]]


TASKS = {
    'instances': Task(lambda folder: write_toy_coco(folder, images=2), detector_config, damaged_coco.damages),
    'label maps': Task(lambda folder: write_toy_label_maps(folder, images=2), segmentor_config, damaged_maps.damages),
    'panoptic': Task(lambda folder: damaged_panoptic.write_toy_panoptic(folder, images=2),
                     damaged_panoptic.panoptic_config, damaged_panoptic.damages),
    'SBD': Task(write_sbd, damaged_sbd.sbd_config, damaged_sbd.damages),
}


def try_kind(task: str, spoil: Callable[[Path], None], folder: Path,
             go_on: Callable[[Config], None] = use_to_the_end) -> Outcome:
    """Write a toy set for a task of :data:`TASKS`, spoil it, and see."""
    setup()  # as every command does: COCO files are then read normalized
    data = folder / 'data'
    spoil(TASKS[task].write(data))
    cfg = TASKS[task].config(data, folder)
    if (data / 'list.txt').exists():
        for loader in (cfg.train_dataloader, cfg.val_dataloader):
            loader.dataset.ann_file = 'list.txt'
    return outcome(cfg, go_on)


def all_kinds() -> dict[str, dict[str, Callable[[Path], None]]]:
    return {name: task.damages() for name, task in TASKS.items()}


def bad_words(result: Outcome) -> bool:
    """Whether a refusal lacks its fix or shows a traceback."""
    return result.kind == 'refused' and ('Fix' not in result.text or re.search('Traceback', result.text) is not None)


def main(words: list[str]) -> None:
    """Print the table of docs/data_check.md and every kind that died; ``--load`` only loads what is accepted.

    Further words choose tasks; ``task:text`` takes the kinds that hold the text.
    """
    rows: dict[str, Any] = {}
    logging.disable(logging.INFO)
    go_on = load_all if '--load' in words else use_to_the_end
    for word in [word for word in words if word != '--load'] or list(TASKS):
        task, _, text = word.partition(':')
        kinds = {name: spoil for name, spoil in TASKS[task].damages().items() if text in name}
        start = time.process_time()
        counts: Counter[str] = Counter()
        for name, spoil in kinds.items():
            with tempfile.TemporaryDirectory() as folder:
                result = try_kind(task, spoil, Path(folder), go_on)
            counts[result.kind] += 1
            if 'died' in result.kind or bad_words(result):
                print(f'{task} | {name} | {result.kind} | {result.text[:300]}', flush=True)
        rows[word] = (len(kinds), counts, time.process_time() - start)
    print('| data | kinds | refused | accepted with a note | accepted | died | CPU time |')
    print('|---|---|---|---|---|---|---|')
    for word, (number, counts, seconds) in rows.items():
        died = counts['check died'] + counts['died later']
        print(f'| {word} | {number} | {counts["refused"]} | {counts["accepted with a note"]} | {counts["accepted"]} | '
              f'{died} | {seconds:.0f} s |')


if __name__ == '__main__':
    main(sys.argv[1:])
