"""The real tools as a newcomer runs them: generate data, train two iterations, resume, test, infer."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_plugins.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
TINY = [
    'model.backbone.base_channels=8', 'model.neck.in_channels=[8,16,32,64]', 'model.neck.out_channels=16',
    'model.rpn_head.in_channels=16', 'model.rpn_head.feat_channels=16',
    'model.roi_head.bbox_roi_extractor.out_channels=16', 'model.roi_head.bbox_head.in_channels=16',
    'model.roi_head.bbox_head.fc_out_channels=16', 'model.roi_head.mask_roi_extractor.out_channels=16',
    'model.roi_head.mask_head.in_channels=16', 'model.roi_head.mask_head.conv_out_channels=16',
    'model.neck.norm_cfg.num_groups=4', 'model.roi_head.bbox_head.norm_cfg.num_groups=4',
    'model.roi_head.mask_head.norm_cfg.num_groups=4',
    'model.test_cfg.rcnn.score_thr=0.0', 'model.test_cfg.rcnn.max_per_img=3',
    'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False',
    'train_cfg.val_interval=2', 'default_hooks.checkpoint.interval=1', 'default_hooks.logger.interval=1',
]  # fmt: skip


def run(*words):
    """Run one tool as a process of its own; return what it printed."""
    env = dict(os.environ, OMP_NUM_THREADS='1')
    done = subprocess.run([sys.executable, '-W', 'ignore', *map(str, words)], cwd=ROOT, env=env, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.fixture(scope='module')
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('shapes data')  # a space in the path, as on people's machines
    numbers = ['--train', '8', '--val', '4', '--size', '64']
    assert main(['convert-data', 'shapes', '--out-dir', str(folder), *numbers]) == 0
    return folder


@pytest.fixture(scope='module')
def own_config(shapes):
    """A config of a user with a COCO file: 10 lines, the classes left to the JSON."""
    base = ROOT / 'configs/quickstart/panet_r18-path_1500it_shapes.py'
    path = shapes / 'mask-rcnn_r18-small_2it_own.py'
    path.write_text(
        f'_base_ = {str(base)!r}\n'
        f'data_root = {str(shapes)!r}\n'
        "train_ann_file = 'annotations/instances_train.json'\n"
        "val_ann_file = 'annotations/instances_val.json'\n"
        "train_img_prefix = 'train/'\n"
        "val_img_prefix = 'val/'\n"
        'classes = None\n'
        'train_cfg = dict(max_iters=2)\n'
    )
    return path


@pytest.fixture(scope='module')
def trained(own_config, shapes):
    """The working folder after two iterations in two runs of the same command but for the length."""
    work_dir = shapes / 'work'
    command = ['tools/train.py', own_config, '--work-dir', work_dir, '--cfg-options', *TINY]
    first = run(*command, 'train_cfg.max_iters=1')
    second = run(*command)
    return work_dir, first, second


def test_training_writes_the_whole_report(trained):
    work_dir, _, _ = trained
    for name in ('config.py', 'scalars.csv', 'curves_loss.png', 'curves_lr.png', 'curves_metric.png', 'summary.json',
                 'class_histogram.png', 'samples_train.png', 'samples_val.png', 'iter_2.pth'):  # fmt: skip
        assert (work_dir / name).stat().st_size > 0, name
    summary = json.loads((work_dir / 'summary.json').read_text())
    assert summary['iterations'] == 2
    assert summary['problems'] == []
    assert Path(summary['checkpoints']['best']).name.startswith('best_coco_segm_mAP')


def test_classes_left_out_are_read_from_the_json(trained):
    _, first, _ = trained
    text = (trained[0] / 'config.py').read_text()
    assert "'circle'" in text
    assert 'num_classes=5' in text
    assert 'Traceback' not in first


def test_the_same_command_resumes_where_it_stood(trained):
    _, first, second = trained
    assert re.search(r'Iter\(train\) \[1/1\]', first)
    assert 'Resuming from' in second
    assert re.search(r'Iter\(train\) \[2/2\]', second)
    assert not re.search(r'Iter\(train\) \[1/2\]', second)


def test_mmdets_own_inferencer_gives_the_trained_model_in_a_fresh_process(trained):
    work_dir, _, _ = trained
    code = (
        'import sys; from mmdet.apis import DetInferencer; from mmengine.runner import CheckpointLoader; '
        'model = DetInferencer(sys.argv[1], sys.argv[2], device="cpu", show_progress=False).model; '
        'saved = CheckpointLoader.load_checkpoint(sys.argv[2], "cpu")["state_dict"]; '
        'assert model.roi_head.bbox_head.num_classes == 5; '
        'assert all(value.equal(saved[name]) for name, value in model.state_dict().items()); print("the same")'
    )
    assert 'the same' in run('-c', code, work_dir / 'config.py', work_dir / 'iter_2.pth')


def test_a_finished_run_says_so_and_trains_nothing(trained, own_config, capsys, monkeypatch):
    work_dir, _, _ = trained
    before = (work_dir / 'iter_2.pth').read_bytes()
    monkeypatch.setenv('LOCAL_RANK', '0')  # the command sets it
    assert main(['train', str(own_config), '--work-dir', str(work_dir), '--cfg-options', *TINY]) == 0
    out = ''.join(capsys.readouterr())
    assert 'Iter(train)' not in out
    assert (work_dir / 'iter_2.pth').read_bytes() == before


def test_test_tool_gives_the_metrics_of_the_last_validation(trained, own_config, tmp_path):
    work_dir, _, _ = trained
    out = run('tools/test.py', own_config, work_dir / 'iter_2.pth', '--work-dir', tmp_path, '--out',
              tmp_path / 'predictions.pkl', '--cfg-options', *TINY)  # fmt: skip
    shown = float(re.findall(r'coco/segm_mAP: ([-\d.]+)', out)[-1])
    summary = json.loads((work_dir / 'summary.json').read_text())
    assert shown == pytest.approx(summary['metrics']['final']['coco/segm_mAP'], abs=1e-4)
    assert (tmp_path / 'predictions.pkl').stat().st_size > 0


def test_infer_tool_writes_pictures_and_coco_results(trained, own_config, shapes, tmp_path):
    work_dir, _, _ = trained
    run('tools/infer.py', own_config, work_dir / 'iter_2.pth', shapes / 'val', '--out-dir', tmp_path, '--score-thr', 0,
        '--cfg-options', *TINY)  # fmt: skip
    assert len(list((tmp_path / 'overlays').iterdir())) == 4
    results = json.loads((tmp_path / 'predictions.json').read_text())
    assert results
    assert {'image_id', 'category_id', 'bbox', 'score', 'segmentation'} <= set(results[0])


def test_dry_run_tries_everything_and_leaves_nothing(own_config, tmp_path):
    out = run('tools/train.py', own_config, '--dry-run', '--work-dir', tmp_path / 'run', '--cfg-options', *TINY)
    assert 'dry run passed' in out
    assert 'coco/segm_mAP' in out
    assert list(tmp_path.iterdir()) == []


def refused(words, capsys, monkeypatch):
    """Run the command, which refuses, in this process; return what it printed."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv('LOCAL_RANK', '0')  # the command sets it
    assert main([str(word) for word in words]) == 2
    return ''.join(capsys.readouterr())


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['train', 'configs/quickstart/mask-rcnn_r18-smal_1500it_shapes.py'], 'did you mean'),
        (['test', 'configs/quickstart/panet_r18-path_1500it_shapes.py', 'no.pth'], "'no.pth' does not exist"),
        (['train', 'configs/_base_/schedules/small_1000it.py'], 'has no model with a type'),
        (['train', 'README.md'], 'README.md is no config'),
    ],
    ids=['config file', 'checkpoint file', 'part of a config', 'no config'],
)
def test_missing_file_is_one_clear_line(words, message, capsys, monkeypatch):
    out = refused(words, capsys, monkeypatch)
    assert message in out
    assert 'Traceback' not in out


@pytest.mark.parametrize(
    ('option', 'messages'),
    [
        ('model.neck.type=PANetFPNN', ['PANetFPNN', 'mmseg_plugins.PANetFPN']),
        ('model.roi_head.bbox_head.num_classes=3', ['num_classes', '3', '5']),
        ('data_root=nowhere', ['nowhere']),
    ],
    ids=['unknown type', 'wrong num_classes', 'missing data'],
)
def test_wrong_value_is_named_with_its_fix(own_config, tmp_path, option, messages, capsys, monkeypatch):
    words = ['train', own_config, '--work-dir', tmp_path, '--cfg-options', *TINY, option]
    out = refused(words, capsys, monkeypatch)
    for message in messages:
        assert message in out, out[-2000:]
    assert 'Fix' in out or 'did you mean' in out.lower()
    assert 'need at least one array to concatenate' not in out
