"""Two processes over gloo train as one process with the doubled batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_plugins.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
ITERATIONS = 5

RECORDER = '''
"""Writes the losses of each step of this process to a file of its rank."""
import json
import os
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class LossRecorder(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        path = Path(os.environ['RECORD_TO']) / f'rank{runner.rank}.jsonl'
        with path.open('a') as stream:
            losses = {key: float(value) for key, value in outputs.items() if 'loss' in key}
            stream.write(json.dumps(losses) + chr(10))

'''

# Every image must weigh the same in the batch mean: all anchors and a fixed number of proposals take part, and there
# is no mask branch, whose mean runs over however many positives a process has.
CONFIG = '''
_base_ = {base!r}
data_root = {data!r}
custom_imports = dict(imports=['mmseg_plugins', 'loss_recorder'])
custom_hooks = [dict(type='LossRecorder')]
data_check = False
run_report = False
val_evaluator = dict(metric=['bbox'])
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(save_best='coco/bbox_mAP'))
model = dict(
    type='FasterRCNN',
    data_preprocessor=dict(pad_mask=False),
    backbone=dict(base_channels=8, norm_eval=True),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16, norm_cfg=dict(num_groups=4)),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16),
        bbox_head=dict(in_channels=16, fc_out_channels=16, norm_cfg=dict(num_groups=4)),
        mask_roi_extractor=None,
        mask_head=None),
    train_cfg=dict(
        rpn=dict(
            assigner=dict(pos_iou_thr=0.5, neg_iou_thr=0.5),
            sampler=dict(num=10**6, pos_fraction=1.0)),
        rpn_proposal=dict(nms_pre=60, max_per_img=20, nms=dict(iou_threshold=1.0)),
        rcnn=dict(sampler=dict(num=10**6, pos_fraction=1.0, add_gt_as_proposals=False))))
train_cfg = dict(max_iters={iterations}, val_interval=1000)
train_dataloader = dict(num_workers=0, persistent_workers=False, batch_sampler=None)
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01, momentum=0.9))
'''


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('distributed')
    numbers = ['--train', '24', '--val', '2', '--size', '64']
    assert main(['convert-data', 'shapes', '--out-dir', str(folder / 'data'), *numbers]) == 0
    (folder / 'loss_recorder.py').write_text(RECORDER)
    base = str(ROOT / 'configs/quickstart/panet_r18-path_1500it_shapes.py')
    (folder / 'config.py').write_text(CONFIG.format(base=base, data=str(folder / 'data'), iterations=ITERATIONS))
    return folder


def train(folder, name, launcher, batch_size):
    """Train through a launcher; return the losses of each rank, a list of dicts a rank."""
    record = folder / name
    record.mkdir()
    env = dict(os.environ, RECORD_TO=str(record), PYTHONPATH=str(folder), OMP_NUM_THREADS='1', PYTHON=sys.executable,
               CUDA_VISIBLE_DEVICES='', PYTHONWARNINGS='ignore')  # fmt: skip
    options = ['--work-dir', str(record / 'work'), '--cfg-options', f'train_dataloader.batch_size={batch_size}']
    done = subprocess.run([*launcher, *options], cwd=ROOT, env=env, text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return [[json.loads(line) for line in path.read_text().splitlines()] for path in sorted(record.glob('*.jsonl'))]


def test_two_gloo_processes_train_as_one_with_the_doubled_batch(folder):
    config = str(folder / 'config.py')
    (one,) = train(folder, 'one', [sys.executable, 'tools/train.py', config], batch_size=4)
    two = train(folder, 'two', ['bash', 'tools/dist_train.sh', config, '2'], batch_size=2)
    assert len(two) == 2
    assert len(one) == len(two[0]) == len(two[1]) == ITERATIONS
    for step, whole in enumerate(one):
        halves = (two[0][step], two[1][step])
        assert halves[0]['loss'] != halves[1]['loss'], 'both processes saw the same images'
        for key, value in whole.items():
            mean = sum(half[key] for half in halves) / 2
            assert abs(mean - value) <= 1e-4 * abs(value), (step, key, mean, value)
