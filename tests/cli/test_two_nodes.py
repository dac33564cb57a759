"""Two "machines" of two processes each, over gloo on one host: they train as one process, and go on when killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_runs import ROOT, detector_config, write_toy_coco

IMAGES = 22  # six batches of four leave two: the last one is uneven
ITERATIONS = 6
RECORDER = '''
"""Writes the loss of each step of this process to a file of its rank; may wait for a signal after a step."""
import contextlib
import json
import os
import time
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class LossRecorder(Hook):
    priority = 'LOWEST'

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        folder = Path(os.environ['RECORD_TO'])
        names = [sample.img_id for sample in data_batch['data_samples']]
        line = dict(step=runner.iter, images=names, **{k: float(v) for k, v in outputs.items() if 'loss' in k})
        with (folder / f'rank{runner.rank}.jsonl').open('a') as stream:
            stream.write(json.dumps(line) + chr(10))
        if runner.iter + 1 == int(os.environ.get('STOP_AFTER', -1)):
            time.sleep(600)
'''


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, the recorder, and a config without random augmentation whose images weigh the same in every batch."""
    folder = tmp_path_factory.mktemp('nodes')
    cfg = detector_config(write_toy_coco(folder / 'data', images=IMAGES), folder / 'unused')
    cfg.model.type = 'FasterRCNN'
    cfg.model.roi_head.update(mask_roi_extractor=None, mask_head=None)
    cfg.model.train_cfg.rpn.update(sampler=dict(type='RandomSampler', num=10**6, pos_fraction=1.0, neg_pos_ub=-1,
                                                add_gt_as_proposals=False))
    cfg.model.train_cfg.rpn_proposal.update(nms_pre=40, max_per_img=12, nms=dict(type='nms', iou_threshold=1.0))
    cfg.model.train_cfg.rcnn.update(sampler=dict(type='RandomSampler', num=10**6, pos_fraction=1.0, neg_pos_ub=-1,
                                                 add_gt_as_proposals=False))
    cfg.model.backbone.norm_eval = True  # statistics of a batch of one image are not those of four
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    cfg.train_dataloader.dataset.pipeline = [
        step for step in cfg.train_dataloader.dataset.pipeline if step.type != 'RandomFlip']
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=ITERATIONS, val_interval=1000)
    for name in ('dataloader', 'cfg', 'evaluator'):
        cfg[f'val_{name}'] = cfg[f'test_{name}'] = None
    cfg.custom_imports = dict(imports=['mmseg_plugins', 'loss_recorder'])
    cfg.custom_hooks = [dict(type='LossRecorder')]
    cfg.data_check = False
    cfg.run_report = False
    cfg.resume = True
    cfg.pop('work_dir')
    cfg.dump(str(folder / 'config.py'))
    (folder / 'loss_recorder.py').write_text(RECORDER)
    return folder


def free_port() -> int:
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


def start(folder: Path, record: Path, command: list[str], batch: int, **environment: str) -> subprocess.Popen:
    """Start a training whose losses and log go to ``record``."""
    record.mkdir(exist_ok=True)
    env = dict(os.environ, RECORD_TO=str(record), PYTHONPATH=os.pathsep.join([str(folder), str(ROOT)]),
               OMP_NUM_THREADS='1', PYTHON=sys.executable, CUDA_VISIBLE_DEVICES='', PYTHONWARNINGS='ignore',
               **environment)  # fmt: skip
    options = ['--work-dir', str(record / 'work'), '--cfg-options', f'train_dataloader.batch_size={batch}']
    with (record / f'log{environment.get("NODE_RANK", "")}').open('a') as log:
        return subprocess.Popen([*command, *options], cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)


def start_nodes(folder: Path, record: Path, **environment: str) -> list[subprocess.Popen]:
    """Two nodes of two processes, one image for each process and step."""
    command = ['bash', 'tools/dist_train.sh', str(folder / 'config.py'), '2']
    port = str(free_port())
    return [start(folder, record, command, 1, NNODES='2', NODE_RANK=str(rank), MASTER_ADDR='127.0.0.1', PORT=port,
                  **environment) for rank in range(2)]  # fmt: skip


def finish(processes: list[subprocess.Popen], record: Path) -> None:
    """Wait until all are done; end what is not done in time."""
    try:
        codes = [process.wait(timeout=240) for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                end(process)
    assert not any(codes), ''.join(path.read_text()[-2000:] for path in record.glob('log*'))


def recorded(record: Path) -> list[list[dict]]:
    """The lines of each rank."""
    return [[json.loads(line) for line in path.read_text().splitlines()] for path in sorted(record.glob('*.jsonl'))]


def tree(pid: int) -> list[int]:
    """A process and all that it started: torchrun gives its workers sessions of their own."""
    children: dict[int, list[int]] = {}
    for path in Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError):  # it has just ended
            fields = path.read_text().rpartition(')')[2].split()
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def end(process: subprocess.Popen) -> None:
    """Kill a node with all its processes, as a machine that loses power."""
    for pid in tree(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(timeout=30)


def wait_for_step(record: Path, step: int, seconds: float = 200) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        lines = recorded(record) if record.exists() else []
        if len(lines) == 4 and all(len(rank) >= step for rank in lines):
            return
        time.sleep(0.2)
    raise AssertionError(f'no four processes reached step {step}')


def test_two_nodes_train_as_one_process_and_go_on_when_one_is_killed(folder: Path) -> None:
    """One node is killed after step 3 and its peer, which waits for it, is ended; the same command goes on."""
    whole, nodes = folder / 'one', folder / 'nodes'
    finish([start(folder, whole, [sys.executable, 'tools/train.py', str(folder / 'config.py')], 4)], whole)
    (one, ) = recorded(whole)

    running = start_nodes(folder, nodes, STOP_AFTER='3')
    try:
        wait_for_step(nodes, 3)
    finally:
        for process in reversed(running):
            end(process)
    assert (nodes / 'work/iter_2.pth').exists()
    finish(start_nodes(folder, nodes), nodes)

    ranks = recorded(nodes)
    assert len(ranks) == 4
    steps = [line['step'] for line in ranks[0]]
    assert steps[:3] == [0, 1, 2]
    assert steps[-1] == ITERATIONS - 1
    assert set(steps) == set(range(ITERATIONS))
    assert [len(line['images']) for line in one] == [4] * 5 + [2]
    for lines in zip(*ranks, strict=True):  # a step that ran twice, before and after the kill, is compared twice
        wanted = one[lines[0]['step']]
        assert {line['step'] for line in lines} == {wanted['step']}
        images = set().union(*(line['images'] for line in lines))
        if len(wanted['images']) < 4:  # the end of an epoch: processes without an image left take one of its first
            assert images > set(wanted['images'])
            assert images - set(wanted['images']) <= {name for line in ranks for name in line[0]['images']}
        else:
            assert images == set(wanted['images'])
            for name in ('loss', 'loss_rpn_cls', 'loss_cls'):
                mean = sum(line[name] for line in lines) / 4
                assert abs(mean - wanted[name]) <= 1e-4 * abs(wanted[name]), (wanted['step'], name)
