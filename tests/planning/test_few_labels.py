"""The few labelled images that a comparison trains on: who draws what, nested by size, the same for the same seed."""

import json
from itertools import pairwise

import cv2
import numpy as np
import pytest
import toy_runs
from mmengine.registry import DATASETS, DefaultScope

from mmseg_plugins.cli.main import main
from mmseg_plugins.config.load import load_config
from mmseg_plugins.datasets.label_share import choose_share
from mmseg_plugins.planning.few_labels import choose_per_class


@pytest.fixture
def present():
    """60 images of three classes; the third is in six of them."""
    table = np.random.default_rng(3).random((60, 3)) < (0.5, 0.9, 0.0)
    table[[4, 9, 17, 30, 31, 59], 2] = True
    return table


def test_each_class_draws_its_own_images(present):
    chosen = choose_per_class(present, 5, 0)
    assert len(chosen) == len(set(chosen.tolist())) == 15
    assert chosen.tolist() == sorted(chosen.tolist())
    assert (present[chosen].sum(0) >= 5).all()
    assert np.array_equal(chosen, choose_per_class(present, 5, 0))
    assert not np.array_equal(chosen, choose_per_class(present, 5, 1))


@pytest.mark.parametrize('seed', range(3))
def test_smaller_choices_lie_within_larger_ones(present, seed):
    sets = [set(choose_per_class(present, number, seed).tolist()) for number in (1, 2, 5, 6, 10)]
    assert all(small < large for small, large in pairwise(sets))
    shares = [set(choose_share(60, share, seed).tolist()) for share in (1 / 8, 1 / 4, 1 / 3, 1.0)]
    assert [len(share) for share in shares] == [7, 15, 20, 60]
    assert all(small < large for small, large in pairwise(shares))


def test_a_rare_class_gets_all_its_images(present):
    rare = set(np.flatnonzero(present[:, 2]).tolist())
    assert rare <= set(choose_per_class(present, 6, 0).tolist())
    assert len(choose_per_class(present, 10, 0)) == 26


@pytest.fixture
def maps(tmp_path):
    """A config of eight label maps: ground and disc in all, a bar in all but the first."""
    data = toy_runs.write_toy_label_maps(tmp_path / 'maps', images=8)
    path = data / 'ann_dir' / '0.png'
    labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(path), np.where(labels == 2, 0, labels).astype(np.uint8))
    toy_runs.segmentor_config(data, tmp_path / 'run').dump(str(tmp_path / 'config.py'))
    return tmp_path


def test_a_list_of_label_maps_is_what_the_config_trains_on(maps, capsys):
    out, rest = maps / 'maps' / 'few.txt', maps / 'rest.txt'
    words = ['few-labels', str(maps / 'config.py'), '--per-class', '2', '--out-file', str(out), '--skip', 'ground']
    assert main([*words, '--rest-file', str(rest)]) == 0
    said = capsys.readouterr().out
    assert 'train_dataloader.dataset.ann_file=few.txt' in said
    names = out.read_text().split()
    assert len(names) == 4
    assert sorted(names + rest.read_text().split()) == [str(index) for index in range(8)]
    row = next(line.split() for line in said.split('\n') if line.startswith('bar'))
    assert (row[1], int(row[2]) >= 2) == ('7', True)
    cfg = load_config(maps / 'config.py', {'train_dataloader.dataset.ann_file': 'few.txt'})
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert sorted(dataset.get_data_info(i)['img_path'].rsplit('/')[-1] for i in range(len(dataset))) == [
        f'{name}.png' for name in sorted(names)]
    first = out.read_text()
    assert main(words) == 0
    assert out.read_text() == first


def test_a_share_and_a_class_with_too_few_images(maps, capsys):
    out = maps / 'few.txt'
    assert main(['few-labels', str(maps / 'config.py'), '--share', '1/4', '--out-file', str(out)]) == 0
    assert len(out.read_text().split()) == 2
    assert str(out) in capsys.readouterr().out  # outside of data_root: the whole path
    assert main(['few-labels', str(maps / 'config.py'), '--per-class', '8', '--out-file', str(out)]) == 1
    assert 'fewer than 8 images hold: bar' in capsys.readouterr().out


def test_a_coco_file_of_the_chosen_images(tmp_path, capsys):
    data = toy_runs.write_toy_coco(tmp_path / 'coco', images=5)
    cfg = toy_runs.detector_config(data, tmp_path / 'run')
    cfg.dump(str(tmp_path / 'config.py'))
    out = data / 'few.json'
    assert main(['few-labels', str(tmp_path / 'config.py'), '--per-class', '1', '--out-file', str(out)]) == 0
    assert 'ann_file=few.json' in capsys.readouterr().out
    whole, few = (json.loads((data / name).read_text()) for name in ('ann.json', 'few.json'))
    assert [len(few[key]) for key in ('images', 'annotations', 'categories')] == [2, 4, 2]
    assert all(image in whole['images'] for image in few['images'])
    assert {ann['image_id'] for ann in few['annotations']} == {image['id'] for image in few['images']}


@pytest.mark.parametrize(('words', 'said'), [
    (['--per-class', '0'], '--per-class 0: at least 1'),
    (['--share', '2'], 'above 0 and at most 1'),
    (['--per-class', '1', '--skip', 'grund'], "did you mean 'ground'"),
    (['--per-class', '1', '--skip', 'ground', 'disc', 'bar'], 'none of the classes'),
    ([], 'one of the arguments --per-class --share is required'),
])
def test_what_cannot_be_chosen_is_refused(maps, capsys, words, said):
    assert main(['few-labels', str(maps / 'config.py'), '--out-file', str(maps / 'few.txt'), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (maps / 'few.txt').exists()


def test_the_suffix_must_be_that_of_the_data_set(maps, capsys):
    assert main(['few-labels', str(maps / 'config.py'), '--share', '1', '--out-file', str(maps / 'few.json')]) == 2
    assert 'few.txt' in capsys.readouterr().err
