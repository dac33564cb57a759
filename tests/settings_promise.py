"""What becomes of wrong settings: refused by ``check-data``, or used to the end; ``python tests/settings_promise.py``.

Each setting of a small config is taken out, and replaced by values of other types and sizes, one at a time.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import data_promise
from data_promise import TASKS, Outcome, bad_words
from mmengine.config import Config

from mmseg_plugins.apis.data import check_data
from mmseg_plugins.utils.errors import UserError

SECTIONS = ('model', 'train_dataloader', 'val_dataloader', 'val_evaluator', 'train_cfg', 'val_cfg', 'optim_wrapper',
            'default_hooks', 'log_processor', 'randomness', 'env_cfg', 'default_scope')  # fmt: skip
ABSENT = object()
SECONDS = 60  # after which a run hangs


def settings(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every place below a config's sections, and its value."""
    if path:
        yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            if path or key in SECTIONS:
                yield from settings(value, (*path, key))
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from settings(value, (*path, index))


def replacements(value: Any) -> dict[str, Any]:
    """Other values for one setting, by a name."""
    if isinstance(value, dict):
        return dict(text='text', null=None, list=[value], number=7, empty={}, stray=dict(value, stray_option=1))
    if isinstance(value, (list, tuple)):
        shorter, longer = list(value)[:-1], [*value, *list(value)[-1:]]
        return dict(text='text', null=None, number=7, empty=[], shorter=shorter, longer=longer, nested=[list(value)])
    others = dict(text='text', quoted=str(value), null=None, zero=0, negative=-1, fraction=0.5, seven=7, true=True,
                  nan=float('nan'), list=[value], dict=dict(stray_option=value))
    return {name: other for name, other in others.items() if other is None or repr(other) != repr(value)}


def variants(cfg: Config) -> Iterator[tuple[str, Config]]:
    """A config with one setting changed, by what was changed."""
    plain = cfg.to_dict()
    for path, value in settings(plain):
        name = '.'.join(map(str, path))
        for kind, other in (*replacements(value).items(), ('absent', ABSENT)):
            changed = copy.deepcopy(plain)
            node = changed
            for key in path[:-1]:
                if isinstance(node[key], tuple):
                    node[key] = list(node[key])
                node = node[key]
            if other is ABSENT:
                del node[path[-1]]
            else:
                node[path[-1]] = other
            yield f'{name} {kind}', Config(changed)


def outcome(cfg: Config, go_on: Callable[[Config], None]) -> Outcome:
    """Check a config as ``check-data`` does, and ``go_on`` with what is accepted."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            problems = [text for report in check_data(copy.deepcopy(cfg)) for text in report.problems()]
        except UserError as error:
            problems = [str(error)]
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            return Outcome('check died', f'{error!r} at {frame.filename}:{frame.lineno}')
        if problems:
            return Outcome('refused', '\n'.join(problems))
        try:
            go_on(cfg)
        except Exception as error:
            return Outcome('died later', repr(error))
    return Outcome('accepted', '')


def _hangs(*_: Any) -> None:
    raise TimeoutError(f'{SECONDS} s')


def main(words: list[str]) -> None:
    """Print what died and a table; words choose tasks, ``task:text`` the settings whose name begins so.

    A number N takes every Nth setting.
    """
    logging.disable(logging.WARNING)
    signal.signal(signal.SIGALRM, _hangs)
    rows = {}
    every = next((int(word) for word in words if word.isdigit()), 1)
    for word in [word for word in words if not word.isdigit()] or ['instances', 'label maps']:
        task, _, text = word.partition(':')
        counts: Counter[str] = Counter()
        start = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / 'data'
            TASKS[task].write(data)
            for number, (name, cfg) in enumerate(variants(TASKS[task].config(data, Path(folder) / 'run'))):
                if not name.startswith(text) or number % every:
                    continue
                cfg.work_dir = f'{folder}/run{number}'
                signal.alarm(SECONDS)
                result = outcome(cfg, data_promise.use_to_the_end)
                signal.alarm(0)
                counts[result.kind] += 1
                if 'died' in result.kind or bad_words(result):
                    print(f'{task} | {name} | {result.kind} | {result.text[:300]}', flush=True)
        rows[word] = (counts, time.process_time() - start)
    print('| data | settings | refused | accepted | died | CPU time |')
    print('|---|---|---|---|---|---|')
    for word, (counts, seconds) in rows.items():
        died = counts['check died'] + counts['died later']
        print(f'| {word} | {counts.total()} | {counts["refused"]} | {counts["accepted"]} | {died} | {seconds:.0f} s |')


if __name__ == '__main__':
    main(sys.argv[1:])
