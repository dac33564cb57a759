"""Which checkpoint a run continues from, and what a full disk does."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_toy import ToyModel, toy_config, train, validation

from mmseg_plugins.engine.checkpoint.files import find_resume_point
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils import atomic
from mmseg_plugins.utils.atomic import DiskFullError, atomic_save, atomic_write_bytes, remove_leftovers
from mmseg_plugins.utils.errors import UserError


def fake(path: Path, iteration: int, time: str = '20260101_000000') -> Path:
    meta = {'iter': iteration, 'epoch': 0, 'time': time, 'seed': 0}
    atomic_save({'meta': meta, 'state_dict': {'w': torch.ones(99)}, 'message_hub': {}}, str(path))
    return path


def test_an_empty_folder_is_a_fresh_start(tmp_path: Path) -> None:
    point = find_resume_point(str(tmp_path))
    assert (point.path, point.warnings) == (None, [])


@pytest.mark.parametrize(
    ('pointer', 'words'),
    [(None, 'missing'), ('', 'is empty'), ('/nowhere/iter_9.pth', r'/nowhere/iter_9\.pth, which does not exist')],
)
def test_a_bad_pointer_falls_back_to_the_newest(tmp_path: Path, pointer: str | None, words: str) -> None:
    fake(tmp_path / 'iter_900.pth', 900, '20250101_000000')  # left by an older run
    fake(tmp_path / 'iter_4.pth', 4)
    fake(tmp_path / 'iter_12.pth', 12)
    if pointer is not None:
        (tmp_path / 'last_checkpoint').write_text(pointer)
    point = find_resume_point(str(tmp_path))
    assert point.path == str(tmp_path / 'iter_12.pth')
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(point.warnings[0])
    assert str(tmp_path / 'iter_12.pth') in point.warnings[0]


@pytest.mark.parametrize('damage', ['truncated', 'empty', 'flipped'])
def test_a_broken_newest_file_falls_back_and_names_both(tmp_path: Path, damage: str) -> None:
    fake(tmp_path / 'iter_4.pth', 4)
    newest = fake(tmp_path / 'iter_8.pth', 8)
    (tmp_path / 'last_checkpoint').write_text(str(newest))
    data = bytearray(newest.read_bytes())
    if damage == 'flipped':
        where = data.index(torch.ones(9).numpy().tobytes())
        data[where] ^= 1
    newest.write_bytes({'truncated': bytes(data[: len(data) // 2]), 'empty': b'', 'flipped': bytes(data)}[damage])
    point = find_resume_point(str(tmp_path))
    assert point.path == str(tmp_path / 'iter_4.pth')
    assert 'iter_8.pth' in point.warnings[0]
    assert 'iter_4.pth' in point.warnings[0]


def test_nothing_readable_is_an_error_not_a_restart(tmp_path: Path) -> None:
    (tmp_path / 'iter_4.pth').write_bytes(b'PK\x03\x04')
    with pytest.raises(UserError, match=r'none can be read(.|\n)*iter_4\.pth(.|\n)*Fix'):
        train(tmp_path)


def test_a_run_continues_after_its_newest_file_broke(tmp_path: Path) -> None:
    train(tmp_path)
    (tmp_path / 'iter_8.pth').write_bytes(b'')
    assert train(tmp_path).iter == 8
    assert load_checkpoint_file(tmp_path / 'iter_8.pth')['meta']['iter'] == 8


def test_a_moved_work_dir_resumes_and_leaves_the_old_place_alone(tmp_path: Path) -> None:
    hooks = dict(
        checkpoint=dict(
            type='mmseg_plugins.SafeCheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=1,
            save_best='acc', rule='less',
        )
    )  # fmt: skip
    changes: dict[str, Any] = dict(default_hooks=hooks, **validation())
    train(tmp_path / 'a', train_cfg=dict(by_epoch=False, max_iters=4, val_interval=2), **changes)
    before = sorted(os.listdir(tmp_path / 'a'))
    shutil.copytree(tmp_path / 'a', tmp_path / 'b')
    train(tmp_path / 'b', train_cfg=dict(by_epoch=False, max_iters=8, val_interval=2), **changes)
    assert sorted(os.listdir(tmp_path / 'a')) == before
    assert [n for n in os.listdir(tmp_path / 'b') if n.startswith('iter_')] == ['iter_8.pth']
    assert len([n for n in os.listdir(tmp_path / 'b') if n.startswith('best_')]) == 1


def test_auto_prefers_the_work_dir_to_load_from(tmp_path: Path) -> None:
    torch.save({'state_dict': ToyModel().state_dict()}, tmp_path / 'weights.pth')
    train(tmp_path / 'run', load_from=str(tmp_path / 'weights.pth'), train_cfg=dict(by_epoch=False, max_iters=4))
    runner = SafeRunner.from_cfg(toy_config(tmp_path / 'run', load_from=str(tmp_path / 'weights.pth')))
    runner.train()
    assert runner._resume_path == str(tmp_path / 'run' / 'iter_4.pth')


def test_resuming_with_another_model_is_an_error(tmp_path: Path) -> None:
    train(tmp_path)
    with pytest.raises(UserError, match=r'iter_8\.pth is of another model(.|\n)*Fix'):
        train(tmp_path, model=dict(type='ToyModel', width=9))


class FullDisk:
    """Accepts some bytes, then fails as a full disk does."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, recorder: Any, data: Any) -> int:
        self.room -= len(data)
        if self.room < 0:
            recorder.error = OSError(errno.ENOSPC, 'No space left on device')
            raise recorder.error
        return int(recorder._file.write(data))


def test_a_full_disk_keeps_the_old_file_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fake(tmp_path / 'iter_4.pth', 4)
    old = path.read_bytes()
    disk = FullDisk(1000)
    monkeypatch.setattr(atomic._Recorder, 'write', lambda self, data: disk(self, data))
    with pytest.raises(DiskFullError, match=r'no space left in .* for iter_4\.pth \([\d,]+ bytes needed, .*Fix'):
        fake(path, 5)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ['iter_4.pth']


def test_a_real_failing_write_is_recognised(tmp_path: Path) -> None:
    """The process's file size limit makes the kernel refuse, in the middle of torch.save."""
    code = (
        'import resource, signal, sys, torch\n'
        'from mmseg_plugins.utils.atomic import atomic_save, DiskFullError\n'
        'signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n'
        'resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n'
        'try:\n    atomic_save({"w": torch.ones(50000)}, sys.argv[1])\n'
        'except DiskFullError as error:\n    print("FULL", error)\n'
    )
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p))
    done = subprocess.run(
        [sys.executable, '-c', code, str(tmp_path / 'a.pth')], capture_output=True, text=True, env=env, check=True
    )
    assert 'FULL' in done.stdout
    assert '200,000 bytes needed' in done.stdout
    assert os.listdir(tmp_path) == []


def test_a_full_disk_ends_training_with_the_earlier_checkpoint_intact(tmp_path: Path, monkeypatch: Any) -> None:
    train(tmp_path, train_cfg=dict(by_epoch=False, max_iters=4))
    disk = FullDisk(500)
    monkeypatch.setattr(atomic._Recorder, 'write', lambda self, data: disk(self, data))
    with pytest.raises(DiskFullError, match='max_keep_ckpts'):
        train(tmp_path)
    monkeypatch.undo()
    assert train(tmp_path).iter == 8


def test_a_full_disk_while_logging_is_explained_too(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match='Fix'), atomic.explain_disk_full(str(tmp_path)):
        raise OSError(errno.ENOSPC, 'No space left on device', str(tmp_path / 'scalars.json'))


def test_leftovers_of_dead_writers_go_and_others_stay(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, '-c', ''])
    dead.wait()
    host = atomic._host()
    names = {
        'dead': f'.a.pth.{host}-{dead.pid}-00000000.partial',
        'alive': f'.a.pth.{host}-{os.getpid()}-00000000.partial',
        'elsewhere': '.a.pth.00000000-1-00000000.partial',
        'other': 'notes.partial',
    }
    for name in names.values():
        (tmp_path / name).write_bytes(b'x')
    assert remove_leftovers(str(tmp_path)) == [names['dead']]
    assert sorted(os.listdir(tmp_path)) == sorted([names['alive'], names['elsewhere'], names['other']])


def test_sigkill_at_any_instant_loses_at_most_one_interval(tmp_path: Path) -> None:
    """100 random instants, and 60 just before or after a call that changes the folder."""
    here = Path(__file__).parent
    env = dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=os.pathsep.join([str(here), *(p for p in sys.path if p)]))
    done = subprocess.run(
        [sys.executable, str(here / 'kill_trials.py'), str(tmp_path), '100', '0'],
        capture_output=True, text=True, env=env, check=True, timeout=300,
    )  # fmt: skip
    result = json.loads(done.stdout.strip().splitlines()[-1])
    for trials in (result['random'], result['exact']):
        assert all(t['killed'] for t in trials)
        assert [t for t in trials if t['found'] < t['saved']] == []
        found = [t['found'] for t in trials]
        assert found == sorted(found)  # later trials go on from what the kills before them left
        assert [t for t in trials if t['files'] > 3 or t['best'] > 2 or t['partial'] > 1] == []
    assert len(result['random']) == 100
    assert sum(t['saved'] > 0 for t in result['random']) >= 50


def test_files_written_over_each_other_are_whole(tmp_path: Path) -> None:
    for i in range(3):
        atomic_write_bytes(str(tmp_path / 'pointer'), str(i).encode() * 100)
    assert (tmp_path / 'pointer').read_bytes() == b'2' * 100
    assert os.listdir(tmp_path) == ['pointer']
