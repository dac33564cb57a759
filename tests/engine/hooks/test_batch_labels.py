"""Bad label maps in semantic training: each stops with its file's name, before the start or at its batch."""


import cv2
import numpy as np
import pytest
import torch
from semantic_batches import semantic_batch
from toy_runs import segmentor_config, write_toy_label_maps

from mmseg_plugins.data_check.batch_check import check_batch_labels
from mmseg_plugins.engine.hooks import data_check_hook
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils.errors import UserError


@pytest.fixture
def data(tmp_path):
    return write_toy_label_maps(tmp_path / 'data')


def rewrite(path, change):
    cv2.imwrite(str(path), change(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)))


def foreign_label(labels):
    labels[10, 20:22] = [30, 31]
    return labels


def other_size(labels):
    return labels[:, :40]


def train(data, tmp_path, **changes):
    cfg = segmentor_config(data, tmp_path / 'run', **changes)
    cfg.data_check = True
    runner = SafeRunner.from_cfg(cfg)
    runner.train()
    return runner


FAULTS = [(foreign_label, ['[30, 31]', '0..2', '3 classes', '255']), (other_size, ['40 x 64', '64 x 64'])]


@pytest.mark.parametrize(('fault', 'words'), FAULTS)
def test_stops_before_the_start(data, tmp_path, fault, words):
    rewrite(data / 'ann_dir/2.png', fault)
    with pytest.raises(UserError) as error:
        train(data, tmp_path)
    assert all(word in str(error.value) for word in ['2.png', 'Fix', *words]), error.value


@pytest.mark.parametrize(('fault', 'words'), FAULTS)
def test_stops_at_the_batch_where_the_start_did_not_read_the_map(data, tmp_path, monkeypatch, fault, words):
    monkeypatch.setattr(data_check_hook, 'check_config', lambda *args: [])
    rewrite(data / 'ann_dir/2.png', fault)
    with pytest.raises(UserError) as error:
        train(data, tmp_path, **{'train_dataloader.batch_size': 4})
    assert all(word in str(error.value) for word in ['2.png', 'Fix', *words]), error.value
    assert str(error.value).count('- ') == 1


def test_a_missing_map_stops_before_the_start(data, tmp_path):
    (data / 'ann_dir/1.png').unlink()
    with pytest.raises(UserError, match=r'label map does not exist. 1\.png'):
        train(data, tmp_path)


def test_images_without_a_labelled_pixel_train(data, tmp_path):
    rewrite(data / 'ann_dir/1.png', lambda labels: np.full_like(labels, 255))
    runner = train(data, tmp_path, **{'train_dataloader.batch_size': 1, 'train_cfg.max_iters': 4})
    assert runner.iter == 4
    assert all(parameter.isfinite().all() for parameter in runner.model.parameters())


def test_labels_of_a_batch_one_by_one():
    batch = semantic_batch([torch.tensor([[0, 2], [255, 1]]), torch.full((3, 1), 255)])
    check_batch_labels(batch['inputs'], batch['data_samples'], 3, 255)
    with pytest.raises(UserError) as error:
        check_batch_labels(batch['inputs'], batch['data_samples'], 2, 254)
    assert 'the labels of 0.png: labels [2, 255]' in str(error.value)
    assert 'the labels of 1.png: labels [255]' in str(error.value)
    del batch['data_samples'][1].gt_sem_seg
    check_batch_labels(batch['inputs'], batch['data_samples'], 3, 255)
