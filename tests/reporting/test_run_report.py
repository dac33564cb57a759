"""RunReportHook: what a training run leaves in its folder."""

import csv
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import toy_runs
from mmengine.config import Config

from mmseg_plugins.reporting import run_report_hook as hook_module
from mmseg_plugins.reporting.run_report_hook import RunReportHook
from mmseg_plugins.reporting.scalars import read_scalars
from mmseg_plugins.utils.errors import UserError

PICTURES = (
    'curves_loss.png', 'curves_metric.png', 'curves_lr.png', 'class_histogram.png', 'samples_train.png',
    'samples_val.png',
)  # fmt: skip


@pytest.fixture(scope='module')
def detector_run(tmp_path_factory):
    """Three iterations of Mask R-CNN, validated after 2 and 3, resumed from 3 to 4."""
    folder = tmp_path_factory.mktemp('detector run')
    data = toy_runs.write_toy_coco(folder / 'data')
    changes = {'train_cfg.max_iters': 3, 'train_cfg.val_interval': 2,
               'default_hooks.checkpoint.save_best': 'coco/segm_mAP', 'default_hooks.checkpoint.rule': 'greater'}
    first = toy_runs.train(toy_runs.detector_config(data, folder / 'run', **changes), interval=1)
    before = (folder / 'run' / 'summary.json').read_text()
    changes.update({'train_cfg.max_iters': 4, 'resume': True})
    toy_runs.train(toy_runs.detector_config(data, folder / 'run', **changes), interval=1)
    return folder / 'run', json.loads(before), first


@pytest.fixture(scope='module')
def segmentor_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp('segmentor run')
    data = toy_runs.write_toy_label_maps(folder / 'data')
    toy_runs.train(toy_runs.segmentor_config(data, folder / 'run'), interval=2, val_samples=3)
    return folder / 'run'


@pytest.mark.parametrize('host', ['detector_run', 'segmentor_run'])
def test_every_file_is_there_and_no_picture_is_blank(host, request):
    run = request.getfixturevalue(host)
    folder = run[0] if isinstance(run, tuple) else run
    for name in PICTURES:
        picture = cv2.imread(str(folder / name))
        assert picture is not None, name
        assert min(picture.shape[:2]) > 100
        assert picture.std() > 10, f'{name} is almost one colour'
    assert Config.fromfile(folder / 'config.py').model.type in ('MaskRCNN', 'EncoderDecoder')
    summary = json.loads((folder / 'summary.json').read_text())
    assert summary['status'] == 'finished'
    assert summary['problems'] == []
    assert sorted(summary['files'].values()) == sorted(
        [*PICTURES, 'config.py', 'scalars.csv', 'class_histogram.csv', 'summary.json'])


def test_scalars_of_a_resumed_run_are_one_table_without_duplicates(detector_run):
    rows = read_scalars(detector_run[0] / 'scalars.csv')
    assert [(row['iter'], row['phase']) for row in rows] == [
        (1, 'train'), (2, 'train'), (2, 'val'), (3, 'train'), (3, 'val'), (4, 'train'), (4, 'val')]
    for row in rows:
        if row['phase'] == 'train':
            assert row['loss'] == pytest.approx(sum(v for k, v in row.items() if k.startswith('loss_')), rel=1e-4)
            assert row['lr'] == 0.01
            assert row['memory_mb'] > 50
            assert row['time'] > 0
        else:
            assert 'coco/segm_mAP' in row
        assert row['epoch'] == pytest.approx(row['iter'] / 2)


def test_summary_tells_the_run(detector_run):
    folder, first, runner = detector_run
    summary = json.loads((folder / 'summary.json').read_text())
    assert (first['iterations'], summary['iterations'], summary['resumes']) == (3, 4, 1)
    assert summary['minutes'] > first['minutes'] > 0
    assert summary['started'] == first['started']
    assert (summary['seed'], summary['precision']) == (3, 'float32')
    assert summary['parameters']['total'] == sum(p.numel() for p in runner.model.parameters())
    assert summary['peak_memory']['rss_mb'] > 100
    assert summary['seconds_per_iteration_median'] > 0
    assert summary['metrics']['final_iter'] == 4
    assert summary['metrics']['best']['coco/segm_mAP']['value'] >= 0
    assert summary['checkpoints']['last'] == 'iter_4.pth'
    assert (folder / summary['checkpoints']['best']).is_file()
    assert summary['versions']['torch']
    assert summary['hardware']['cores'] >= 1


def class_rows(folder):
    return list(csv.DictReader((folder / 'class_histogram.csv').read_text().splitlines()))


def test_started_is_the_time_before_the_first_iteration(tmp_path, monkeypatch):
    data = toy_runs.write_toy_label_maps(tmp_path / 'data')
    clock = tmp_path / 'run' / 'scalars.csv'  # its rows tell the time
    monkeypatch.setattr(hook_module, '_now', lambda: str(len(read_scalars(clock)) if clock.exists() else 0))
    toy_runs.train(toy_runs.segmentor_config(data, tmp_path / 'run'), interval=1)
    summary = json.loads((tmp_path / 'run' / 'summary.json').read_text())
    assert summary['started'] == '0'
    assert int(summary['updated']) >= 2


def test_class_counts_are_the_data(detector_run, segmentor_run):
    rows = class_rows(detector_run[0])
    assert [(row['class'], row['instances'], row['images']) for row in rows] == [('disc', '4', '4'), ('bar', '4', '4')]
    rows = class_rows(segmentor_run)
    maps = [cv2.imread(str(path), -1) for path in (segmentor_run.parent / 'data' / 'ann_dir').iterdir()]
    assert [int(row['pixels']) for row in rows] == [sum((m == label).sum() for m in maps) for label in range(3)]


def test_rows_are_means_over_the_interval(segmentor_run):
    rows = [row for row in read_scalars(segmentor_run / 'scalars.csv') if row['phase'] == 'train']
    assert [row['iter'] for row in rows] == [1, 2]


def test_truth_is_drawn_on_the_training_sheet(detector_run):
    sheet = cv2.imread(str(detector_run[0] / 'samples_train.png'))
    saturated = (sheet.max(axis=2).astype(int) - sheet.min(axis=2) > 100).mean()
    assert saturated > 0.02


def test_failure_to_draw_is_logged_with_its_traceback_and_training_goes_on(tmp_path, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise OSError('no space left on device')

    monkeypatch.setattr(hook_module, 'save_image', broken)
    monkeypatch.setattr(hook_module, 'draw_class_histogram', broken)
    data = toy_runs.write_toy_label_maps(tmp_path / 'data')
    runner = toy_runs.train(toy_runs.segmentor_config(data, tmp_path / 'run'))
    assert runner.iter == 2
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert 'could not write samples_val.png; training goes on' in log
    assert 'Traceback' in log
    assert 'no space left on device' in log
    problems = json.loads((tmp_path / 'run' / 'summary.json').read_text())['problems']
    assert [text.split(':')[0] for text in problems] == [
        'could not count the classes', 'could not write samples_train.png', 'could not write samples_val.png']


def test_exception_in_training_still_leaves_a_report(tmp_path):
    toy_runs.write_toy_label_maps(tmp_path / 'data')
    code = f'''
import sys; sys.path.insert(0, {str(toy_runs.ROOT / 'tests')!r}); sys.path.insert(0, {str(toy_runs.ROOT)!r})
import toy_runs
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
@HOOKS.register_module()
class Stop(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 3:
            raise KeyboardInterrupt('enough')
cfg = toy_runs.segmentor_config({str(tmp_path / 'data')!r}, {str(tmp_path / 'run')!r},
                                **{{'train_cfg.max_iters': 9, 'train_cfg.val_interval': 9}})
cfg.custom_hooks = [dict(type='mmengine.Stop')]
toy_runs.train(cfg)
'''
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=120)
    assert 'KeyboardInterrupt' in done.stderr
    summary = json.loads((tmp_path / 'run' / 'summary.json').read_text())
    assert summary['status'] == 'stopped by KeyboardInterrupt: enough'
    assert summary['iterations'] == 3
    assert [row['iter'] for row in read_scalars(tmp_path / 'run' / 'scalars.csv')] == [1, 3]
    assert (tmp_path / 'run' / 'curves_loss.png').is_file()
    assert (tmp_path / 'run' / 'samples_train.png').is_file()
    assert not any(char in done.stdout for char in '\x1b\r')  # a pipe gets plain lines


def test_report_changes_nothing_in_the_run(tmp_path):
    data = toy_runs.write_toy_label_maps(tmp_path / 'data')
    losses = []
    for name, options in (('with', {}), ('without', dict(train_samples=0, val_samples=0, interval=1))):
        toy_runs.train(toy_runs.segmentor_config(data, tmp_path / name), **{**dict(interval=1), **options})
        losses.append([row['loss'] for row in read_scalars(tmp_path / name / 'scalars.csv') if row['phase'] == 'train'])
    assert losses[0] == losses[1]
    assert len(losses[0]) == 2
    assert not (tmp_path / 'without' / 'samples_val.png').exists()


def test_only_the_main_process_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(hook_module, 'is_main_process', lambda: False)
    data = toy_runs.write_toy_label_maps(tmp_path / 'data')
    toy_runs.train(toy_runs.segmentor_config(data, tmp_path / 'run'))
    assert not (tmp_path / 'run' / 'summary.json').exists()
    assert not (tmp_path / 'run' / 'scalars.csv').exists()


def test_interval_below_one_is_refused():
    with pytest.raises(UserError, match='interval = 0; it must be at least 1'):
        RunReportHook(interval=0)


def test_validation_pairs_show_prediction_next_to_truth(segmentor_run):
    sheet = cv2.imread(str(segmentor_run / 'samples_val.png'))
    assert sheet.shape[1] == 4 * 400 + 5 * 8  # ground truth, prediction, ground truth, prediction
    assert sheet.shape[0] > 2 * 400
    assert np.abs(sheet[60:400, 10:400].astype(int) - sheet[60:400, 420:810]).mean() > 1


def test_a_test_leaves_its_scores_and_names_its_weights(segmentor_run, tmp_path):
    checkpoint = str(segmentor_run / 'iter_2.pth')
    cfg = toy_runs.segmentor_config(segmentor_run.parent / 'data', tmp_path / 'tested', load_from=checkpoint)
    cfg.custom_hooks = [dict(type='mmseg_plugins.RunReportHook')]
    scores = toy_runs.SafeRunner.from_cfg(cfg).test()
    summary = json.loads((tmp_path / 'tested' / 'test_summary.json').read_text())
    assert summary['metrics'] == pytest.approx(scores)
    assert {'mIoU', 'mAcc', 'aAcc'} <= set(summary['metrics'])
    assert (summary['checkpoint'], summary['images']) == (checkpoint, 4)
    assert summary['minutes'] >= 0
    assert summary['parameters']['total'] > 0
    assert not (tmp_path / 'tested' / 'summary.json').exists()
