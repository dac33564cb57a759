"""DataCheckHook: stops once with all problems, leaves its JSON, and is the same on every rank."""

import json
import logging
import re
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from coco_sets import HEIGHT, WIDTH, annotation, dataset_config, sound_content, write_image, write_set
from mmengine.config import Config

from mmseg_plugins.engine.hooks import data_check_hook
from mmseg_plugins.engine.hooks.data_check_hook import DataCheckHook
from mmseg_plugins.registry import HOOKS
from mmseg_plugins.utils.errors import UserError


def runner(tmp_path, spoil=None):
    content = sound_content()
    content['annotations'].append(annotation(50, iscrowd=1))
    if spoil:
        spoil(content)
    write_set(tmp_path / 'data', content, 'train')
    write_set(tmp_path / 'data', sound_content(), 'val')
    cfg = Config({
        'default_scope': 'mmdet',
        'model': {'bbox_head': {'num_classes': 2}},
        'train_dataloader': {'dataset': dataset_config(tmp_path / 'data')},
        'val_dataloader': {'dataset': dataset_config(tmp_path / 'data', 'val')},
    })  # fmt: skip
    return SimpleNamespace(cfg=cfg, work_dir=str(tmp_path / 'work'))


def test_sound_data_pass_and_leave_the_list_of_what_is_dropped(tmp_path):
    DataCheckHook().before_build(runner(tmp_path))
    reports = json.loads((tmp_path / 'work/data_check.json').read_text())['datasets']
    assert [report['name'] for report in reports] == ['train', 'val']
    assert reports[0]['findings'][0]['annotation_id'] == 50


def break_twice(content):
    content['annotations'].append(annotation(60, bbox=[1, 2, 3]))
    content['annotations'].append(annotation(61, segmentation={'size': [1, 1], 'counts': '~'}))


def test_all_problems_are_in_one_error(tmp_path):
    with pytest.raises(UserError, match='2 problem') as caught:
        DataCheckHook().before_build(runner(tmp_path, break_twice))
    assert 'annotation 60' in str(caught.value)
    assert 'annotation 61' in str(caught.value)
    assert (tmp_path / 'work/data_check.json').is_file()


def one_wrong_box(content):
    content['annotations'][0]['bbox'] = [40, 25, 9, 9]


def one_object_twice(content):
    content['annotations'].append(dict(content['annotations'][0], id=70))


def one_file_twice(content):
    content['images'].append(dict(content['images'][0], id=71))


def sixteen_bits(path):
    path.write_bytes(cv2.imencode('.png', np.full((HEIGHT, WIDTH, 3), 2794, np.uint16))[1].tobytes())


@pytest.mark.parametrize(('spoil', 'image', 'words'), [
    (one_wrong_box, None, '1 x bbox and the box of the mask overlap by less than half'),
    (one_object_twice, None, '1 x the object is there twice'),
    (one_file_twice, None, '2 x the same file under two image ids'),
    (None, sixteen_bits, r'WARNING: 1.png has 16 bits and a maximum of 2794; .* leaves a maximum of 10 of 255'),
    (None, None, 'WARNING: 3 of the 3 images of val are also in train, byte for byte: 1.png; '),
])
def test_what_hints_at_wrong_numbers_is_a_warning_before_training(tmp_path, spoil, image, words, monkeypatch):
    said = []
    monkeypatch.setattr(data_check_hook, 'print_log',
                        lambda text, logger, level=logging.INFO: said.append((level, text)))
    checked = runner(tmp_path, spoil)
    if image:
        image(tmp_path / 'data/train/1.png')
    DataCheckHook().before_build(checked)
    warnings = [text for level, text in said if level == logging.WARNING]
    assert any(re.search(words, text) for text in warnings), said


def test_sound_data_of_two_sets_give_no_warning(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(data_check_hook, 'print_log', lambda text, logger, level=logging.INFO: said.append(level))
    checked = runner(tmp_path)
    for number in range(1, 4):
        write_image(tmp_path / f'data/val/{number}.png')
        path = tmp_path / f'data/val/{number}.png'
        path.write_bytes(path.read_bytes() + b'another')
    DataCheckHook().before_build(checked)
    assert logging.WARNING not in said


def test_wrong_head_is_reported_once_for_all_sets(tmp_path):
    wrong = runner(tmp_path)
    wrong.cfg.model.bbox_head.num_classes = 80
    with pytest.raises(UserError, match='1 problem') as caught:
        DataCheckHook().before_build(wrong)
    assert str(caught.value).count('model.bbox_head.num_classes = 80') == 1


def test_training_sets_do_not_stop_a_test(tmp_path):
    broken = runner(tmp_path, break_twice)
    DataCheckHook().before_build(broken, 'test')
    DataCheckHook().before_val(broken)
    with pytest.raises(UserError):
        DataCheckHook().before_train(broken)


def test_checks_once(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(data_check_hook, 'check_config', lambda *args: calls.append(args) or [])
    hook = DataCheckHook()
    for _ in range(3):
        hook.before_build(runner(tmp_path), 'train')
        hook.before_val(runner(tmp_path))
    assert len(calls) == 1


def test_other_ranks_read_nothing_and_raise_the_same(tmp_path, monkeypatch):
    broken = runner(tmp_path, break_twice)
    sent = []
    monkeypatch.setattr(data_check_hook, 'broadcast_object_list', lambda data: sent.append(list(data)))
    with pytest.raises(UserError) as first:
        DataCheckHook().before_build(broken)

    def receive(data):
        data[:] = sent[0]

    monkeypatch.setattr(data_check_hook, 'broadcast_object_list', receive)
    monkeypatch.setattr(data_check_hook, 'is_main_process', lambda: False)
    monkeypatch.setattr(data_check_hook, 'check_config', lambda *args: pytest.fail('rank 1 must not read'))
    with pytest.raises(UserError) as second:
        DataCheckHook().before_build(broken)
    assert str(second.value) == str(first.value)


def test_failure_on_rank_zero_does_not_leave_the_others_waiting(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError('disk gone')

    sent = []
    monkeypatch.setattr(data_check_hook, 'check_config', fail)
    monkeypatch.setattr(data_check_hook, 'broadcast_object_list', lambda data: sent.append(list(data)))
    with pytest.raises(OSError, match='disk gone'):
        DataCheckHook().before_build(runner(tmp_path))
    assert sent == [[None]]
    monkeypatch.setattr(data_check_hook, 'is_main_process', lambda: False)
    with pytest.raises(RuntimeError, match='failed on rank 0'):
        DataCheckHook().before_build(runner(tmp_path))


def test_options_are_checked_and_the_hook_is_registered():
    with pytest.raises(UserError, match='max_headers must be'):
        DataCheckHook(max_headers=-1)
    assert isinstance(HOOKS.build({'type': 'mmseg_plugins.DataCheckHook', 'decode_images': True}), DataCheckHook)
