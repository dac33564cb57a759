"""Kills saving processes and looks what is left; a program of its own because it forks.

    python kill_trials.py FOLDER RANDOM_KILLS SEED

Each trial forks a child that trains and saves a checkpoint every iteration, kept
to two and to the best, through the real runner and hook.  It is killed by SIGKILL

* at a random instant (RANDOM_KILLS times), or
* right before or after the n-th system call that changes the folder, for every n
  of one save.

Then the checkpoint to resume from must be readable, and at most one iteration
older than the newest that the child had finished saving.  The next trial goes on in
the same folder.  Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from engine_toy import toy_config, validation
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmseg_plugins.engine.checkpoint.files import find_resume_point
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils import atomic


@HOOKS.register_module()
class ToyReport(Hook):
    """Tells the parent which iteration is saved."""

    priority = 'LOWEST'
    pipe = os.open(os.devnull, os.O_WRONLY)

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        os.write(self.pipe, (runner.iter + 1).to_bytes(4, 'little'))


def config(folder: str) -> Any:
    checkpoint = dict(
        type='mmseg_plugins.SafeCheckpointHook',
        by_epoch=False,
        interval=1,
        max_keep_ckpts=2,
        save_best='acc',
        rule='greater',
    )
    return toy_config(
        folder,
        train_cfg=dict(by_epoch=False, max_iters=10**6, val_interval=2),
        default_hooks=dict(checkpoint=checkpoint, logger=None, timer=None),
        custom_hooks=[dict(type='ToyReport')],
        log_level='CRITICAL',
        **validation(),
    )


def trial(runner: SafeRunner, when: Callable[[int], None]) -> dict[str, Any]:
    """Fork, train, let ``when(pid)`` end it (or the child itself), look at the folder."""
    folder = runner.work_dir
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            ToyReport.pipe = writing
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1), os.dup2(null, 2)
            when(0)
            runner.train()
        finally:
            os._exit(3)
    os.close(writing)
    rest = os.read(reading, 4)  # the child says each iteration that it has saved
    when(pid)
    _, status = os.waitpid(pid, 0)
    while chunk := os.read(reading, 1 << 16):
        rest += chunk
    os.close(reading)
    saved = max((int.from_bytes(rest[i : i + 4], 'little') for i in range(0, len(rest), 4)), default=0)
    point = find_resume_point(folder)
    found = 0 if point.path is None else load_checkpoint_file(point.path)['meta']['iter']
    return {
        'killed': os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
        'saved': saved,
        'found': found,
        'files': len([n for n in os.listdir(folder) if n.startswith('iter_')]),
        'best': len([n for n in os.listdir(folder) if n.startswith('best_')]),
        'partial': len([n for n in os.listdir(folder) if n.endswith('.partial')]),
    }


def at_random(rng: random.Random) -> Callable[[int], None]:
    def when(pid: int) -> None:
        if pid:
            time.sleep(rng.uniform(0.0, 0.08))  # three to ten saves
            os.kill(pid, signal.SIGKILL)

    return when


def at_call(number: int, before: bool) -> Callable[[int], None]:
    """In the child: die at the ``number``-th call that changes the folder."""

    def when(pid: int) -> None:
        if pid:
            return
        count = [0]

        def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                count[0] += 1
                mine = count[0]  # calls nest: a deletion removes
                if before and mine == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                result = call(*args, **kwargs)
                if mine == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return result

            return wrapped

        for name in ('replace', 'fsync', 'remove'):
            setattr(os, name, deadly(getattr(os, name)))
        write, writes = deadly(atomic._Recorder.write), [0]

        def every_20th(self: Any, data: Any) -> int:
            writes[0] += 1
            return write(self, data) if writes[0] % 20 == 10 else self._file.write(data)

        atomic._Recorder.write = every_20th  # type: ignore[method-assign]
        SafeCheckpointHook._delete = deadly(SafeCheckpointHook._delete)  # type: ignore[method-assign]

    return when


def main() -> None:
    folder, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    # The environment's listing starts several programs; it is of no interest here.
    SafeRunner._log_env = lambda self, env_cfg: None  # type: ignore[method-assign]
    # The first step of an optimizer imports half of torch: once here rather than in every child.  A backward
    # pass here would start threads, which children cannot inherit.
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.zeros(1)
    torch.optim.AdamW([weight]).step()
    rng = random.Random(seed)
    start = time.perf_counter()
    runner = SafeRunner.from_cfg(config(os.path.join(folder, 'random')))
    randomly = [trial(runner, at_random(rng)) for _ in range(kills)]
    runner = SafeRunner.from_cfg(config(os.path.join(folder, 'exact')))
    exactly = [trial(runner, at_call(n, n % 2 == 0)) for n in range(1, 61)]
    print(json.dumps({'random': randomly, 'exact': exactly, 'seconds': time.perf_counter() - start}))


if __name__ == '__main__':
    main()
