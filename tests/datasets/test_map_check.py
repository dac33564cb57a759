"""Panoptic and semantic label maps: missing pairs and values that do not fit."""

import json

import cv2
import numpy as np
import pytest
from coco_sets import write_image

from mmseg_plugins.datasets.map_check import MapSource, check_panoptic, check_semantic
from mmseg_plugins.datasets.shapes import STUFF, THINGS
from mmseg_plugins.datasets.shapes_writer import ShapesSpec, write_shapes

CLASSES = ('road', 'tree', 'sky')


def write_labels(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode('.png', np.array(values, np.uint8))[1].tobytes())


def semantic(root, values=((0, 1), (2, 255)), **changes):
    for stem in ('a', 'sub/b'):
        write_image(root / f'img/{stem}.jpg')
        write_labels(root / f'ann/{stem}.png', values)
    fields = {'name': 'train', 'img_dir': root / 'img', 'map_dir': root / 'ann', 'classes': CLASSES}
    return MapSource(**{**fields, **changes})


def test_sound_semantic_set(tmp_path):
    report = check_semantic(semantic(tmp_path))
    assert report.problems() == []
    assert (report.images, report.annotations) == (2, 2)


@pytest.mark.parametrize(
    ('values', 'changes', 'text'),
    [
        ([[0, 7]], {}, r'labels \[7\] are neither in 0..2'),
        ([[0, 255]], {'ignore_index': 254}, r'labels \[255\]'),
        ([[1, 4]], {'reduce_zero_label': True}, r'labels \[4\] are neither in 1..3'),
        ([[[0, 0, 0]]], {}, '3 channels'),
    ],
)
def test_labels_that_would_crash_the_loss_are_named(tmp_path, values, changes, text):
    import re

    (problem,) = check_semantic(semantic(tmp_path, values, **changes)).problems()
    assert re.search(text, problem), problem


def test_zero_is_the_ignored_label_with_reduce_zero_label(tmp_path):
    assert check_semantic(semantic(tmp_path, [[0, 1, 3, 255]], reduce_zero_label=True)).problems() == []


def test_missing_map_missing_folder_and_wrong_suffix_are_named(tmp_path):
    source = semantic(tmp_path)
    (tmp_path / 'ann/sub/b.png').unlink()
    (problem,) = check_semantic(source).problems()
    assert 'sub/b.png' in problem
    (problem,) = check_semantic(semantic(tmp_path, map_dir=tmp_path / 'anns')).problems()
    assert 'anns does not exist' in problem
    assert 'ann' in problem
    (problem,) = check_semantic(semantic(tmp_path, img_suffix='.png')).problems()
    assert '.jpg' in problem


def test_list_of_stems_is_followed(tmp_path):
    (tmp_path / 'list.txt').write_text('a\nmissing\n')
    report = check_semantic(semantic(tmp_path, ann_file=tmp_path / 'list.txt'))
    assert report.counts == {'missing_image': 1, 'missing_map': 1}


@pytest.fixture
def panoptic(tmp_path):
    write_shapes(tmp_path / 'set', ShapesSpec(train=3, val=1, size=32))
    root = tmp_path / 'set'
    path = root / 'annotations/panoptic_train.json'
    return MapSource('train', root / 'train', root / 'panoptic_train', (*THINGS, *STUFF), ann_file=path)


def spoil(source, change):
    content = json.loads(source.ann_file.read_text())
    change(content)
    source.ann_file.write_text(json.dumps(content))
    (problem,) = check_panoptic(source).problems()
    return problem


def test_missing_isthing_is_named(panoptic):
    assert 'without "isthing": [\'ring\']' in spoil(panoptic, lambda c: c['categories'][4].pop('isthing'))


def test_segment_id_that_is_not_drawn_is_named(panoptic):
    problem = spoil(panoptic, lambda c: c['annotations'][0]['segments_info'][0].update(id=999))
    assert 'only in the JSON: [999]' in problem


def test_missing_panoptic_map_is_named(panoptic):
    (panoptic.map_dir / '000002.png').unlink()
    (problem,) = check_panoptic(panoptic).problems()
    assert '000002.png' in problem
