"""Generated shapes: the promises about bytes, masks, labels, re-use and interruption."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_plugins.cli.main import main
from mmseg_plugins.data_check.coco_check import CocoSource, check_coco
from mmseg_plugins.data_check.image_check import ImageOptions
from mmseg_plugins.data_check.map_check import MapSource, check_semantic
from mmseg_plugins.data_check.panoptic_check import check_panoptic
from mmseg_plugins.data_prep.shapes import MIN_VISIBLE_FRACTION, MIN_VISIBLE_PIXELS, STUFF, THINGS, draw_scene
from mmseg_plugins.data_prep.shapes_writer import STAMP, ShapesSpec, write_shapes
from mmseg_plugins.structures.rle import decode_rle
from mmseg_plugins.utils.errors import UserError

ROOT = Path(__file__).parents[2]
SPEC = ShapesSpec(train=20, val=8, size=64, seed=5)


def digests(folder):
    files = sorted(path for path in folder.rglob('*') if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp('shapes') / 'set'
    assert write_shapes(out, SPEC) is True
    return out


def test_workers_change_no_byte_and_the_seed_does(made, tmp_path):
    write_shapes(tmp_path / 'two', SPEC, workers=2)
    assert digests(tmp_path / 'two') == digests(made)
    write_shapes(tmp_path / 'other', ShapesSpec(train=20, val=8, size=64, seed=6))
    other = digests(tmp_path / 'other')
    assert other.keys() == digests(made).keys()
    assert not set(other.values()) & set(digests(made).values())


def test_image_does_not_depend_on_how_many_others_there_are(made, tmp_path):
    write_shapes(tmp_path / 'few', ShapesSpec(train=3, val=1, size=64, seed=5))
    for name in ('train/000003.jpg', 'panoptic_train/000002.png', 'semantic_val/000001.png'):
        assert (tmp_path / 'few' / name).read_bytes() == (made / name).read_bytes()


def test_instances_panoptic_and_semantic_agree(made):
    instances = json.loads((made / 'annotations/instances_train.json').read_text())
    panoptic = json.loads((made / 'annotations/panoptic_train.json').read_text())
    for image, entry in zip(instances['images'], panoptic['annotations'], strict=True):
        stem = image['file_name'].removesuffix('.jpg')
        b, g, r = cv2.split(cv2.imread(str(made / f'panoptic_train/{stem}.png')).astype(int))
        ids = r + 256 * g + 65536 * b
        semantic = cv2.imread(str(made / f'semantic_train/{stem}.png'), cv2.IMREAD_UNCHANGED)
        anns = [a for a in instances['annotations'] if a['image_id'] == image['id']]
        for ann, segment in zip(anns, entry['segments_info'], strict=False):
            mask = decode_rle(ann['segmentation']) > 0
            assert (mask == (ids == segment['id'])).all()
            assert mask.sum() == ann['area'] == segment['area']
            ys, xs = np.nonzero(mask)
            assert ann['bbox'] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1] == segment['bbox']
            assert (semantic[mask] == ann['category_id'] - 1).all()
        assert sum(segment['area'] for segment in entry['segments_info']) == 64 * 64
        stuff = [segment for segment in entry['segments_info'] if segment['category_id'] > len(THINGS)]
        assert len(entry['segments_info']) == len(anns) + len(stuff)
        assert semantic.max() < len(THINGS) + len(STUFF)


def test_the_data_check_finds_nothing(made):
    classes = (*THINGS, *STUFF)
    for split in ('train', 'val'):
        annotations = made / f'annotations/instances_{split}.json'
        report = check_coco(CocoSource(split, annotations, made / split, THINGS), ImageOptions(decode=True))
        panoptic = made / f'annotations/panoptic_{split}.json'
        maps = MapSource(split, made / split, made / f'panoptic_{split}', classes, ann_file=panoptic)
        semantic = MapSource(split, made / split, made / f'semantic_{split}', classes)
        for found in (report, check_panoptic(maps, None), check_semantic(semantic, None)):
            assert found.problems() == []
            assert not found.counts


def test_scenes_have_the_difficulty_they_promise():
    """Over 150 scenes: every class, touching instances of one class, split and holed masks, a range of scales."""
    labels, areas, split, touching, holes = [], [], 0, 0, 0
    for index in range(150):
        scene = draw_scene(0, 0, index)
        assert 1 <= len(scene.labels) <= 8
        masks = [scene.instance_map == k for k in range(1, len(scene.labels) + 1)]
        for label, mask in zip(scene.labels, masks, strict=True):
            labels.append(label)
            areas.append(int(mask.sum()))
            split += cv2.connectedComponents(mask.astype(np.uint8))[0] > 2
            holes += THINGS[label] == 'ring' and cv2.connectedComponents((~mask).astype(np.uint8))[0] > 2
        grown = [cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for mask in masks]
        touching += any(
            scene.labels[i] == scene.labels[j] and (grown[i] & masks[j]).any()
            for i in range(len(masks))
            for j in range(i)
        )
    assert min(areas) >= MIN_VISIBLE_PIXELS
    assert np.percentile(areas, 95) > 10 * np.percentile(areas, 5)
    assert min(np.bincount(labels, minlength=len(THINGS))) > 60
    assert touching > 20
    assert split > 5
    assert holes > 20


def test_shown_part_of_an_instance_is_never_too_small():
    assert 0.3 <= MIN_VISIBLE_FRACTION <= 0.5
    scene = draw_scene(3, 1, 4, size=256)
    areas = np.bincount(scene.instance_map.ravel())[1:]
    assert len(areas) == len(scene.labels)
    assert areas[:-1].min(initial=10**6) >= MIN_VISIBLE_PIXELS * 4


def test_same_arguments_reuse_at_once_and_others_write_again(tmp_path):
    out = tmp_path / 'set'
    small = ShapesSpec(train=2, val=1, size=32)
    assert write_shapes(out, small) is True
    before = digests(out)
    start = time.monotonic()
    assert write_shapes(out, small) is False
    assert time.monotonic() - start < 1
    (out / 'train/000001.jpg').unlink()
    assert write_shapes(out, small) is True
    assert digests(out) == before
    assert write_shapes(out, ShapesSpec(train=3, val=1, size=32)) is True
    assert len(list((out / 'train').iterdir())) == 3


def test_killed_run_leaves_nothing_that_looks_complete_and_is_redone(tmp_path):
    out = tmp_path / 'set'
    args = ['convert-data', 'shapes', '--out-dir', str(out), '--train', '3000', '--val', '1', '--size', '32',
            '--workers', '1']
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    process = subprocess.Popen([sys.executable, '-m', 'mmseg_plugins', *args], env=env)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob('.set.making-*/train/0000*.jpg')) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not out.exists()
    assert list(tmp_path.glob('.set.making-*'))
    assert write_shapes(out, ShapesSpec(train=2, val=1, size=32)) is True
    assert (out / STAMP).is_file()
    assert not list(tmp_path.glob('.set.making-*'))


def test_folder_of_others_is_not_overwritten(tmp_path):
    (tmp_path / 'precious.txt').write_text('mine')
    with pytest.raises(UserError, match='choose another --out-dir'):
        write_shapes(tmp_path, SPEC)
    assert (tmp_path / 'precious.txt').read_text() == 'mine'


@pytest.mark.parametrize('wrong', [{'train': 0}, {'val': 0}, {'size': 16}, {'seed': -1}])
def test_wrong_arguments_are_named(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(UserError, match=f'{name} must be at least .* got {value}'):
        ShapesSpec(**wrong)


def test_the_command_writes_and_reports(tmp_path, capsys):
    command = ['convert-data', 'shapes', '--out-dir', str(tmp_path / 's é'), '--train', '2', '--val', '1', '--size']
    assert main([*command, '32']) == 0
    assert 'wrote 2 + 1 images' in capsys.readouterr().out
    assert main([*command, '32']) == 0
    assert 'kept (already complete)' in capsys.readouterr().out
    assert main([*command, '8']) == 2
    assert 'size must be at least 32, got 8' in capsys.readouterr().err
