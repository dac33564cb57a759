"""compare_sheet: the same images through several systems, over the images and on a plain ground, and its errors."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch
import toy_runs
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmseg_plugins.apis.compare import ComparisonJob, predict, split_system, validation_data
from mmseg_plugins.cli.main import main
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.visualization.compare import (
    PLAIN,
    WRONG,
    Column,
    LabelColumn,
    comparison_sheet,
    draw_cell,
    label_sheet,
    matched_colors,
    right_share,
)
from mmseg_plugins.visualization.grid import LINES
from mmseg_plugins.visualization.samples import Instances
from mmseg_plugins.visualization.sheets import GAP, TITLE_SIZE
from mmseg_plugins.visualization.text import text_size, wrap


def save_model(cfg, folder):
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(classes=toy_runs.CLASSES))),
               folder / 'model.pth')
    cfg.dump(str(folder / 'config.py'))
    return str(folder / 'config.py'), str(folder / 'model.pth')


@pytest.fixture(scope='module')
def system(tmp_path_factory):
    folder = tmp_path_factory.mktemp('system')
    return save_model(toy_runs.detector_config(toy_runs.write_toy_coco(folder / 'data'), folder / 'run'),
                      folder / 'run')


def truth_of(seed):
    masks = toy_runs.toy_image(seed)[1]
    return Instances(masks, np.zeros((2, 4), np.float32), np.array([0, 1]), None)


def test_plain_cell_holds_nothing_of_the_image():
    image, masks = toy_runs.toy_image(0)
    big = masks.any(axis=0).repeat(8, 0).repeat(8, 1)
    plain = draw_cell(image, truth_of(0), toy_runs.CLASSES, True)
    outside = plain[~cv2.dilate(big.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)]
    assert (outside == PLAIN).all()
    assert (plain[big] != PLAIN).any(axis=1).all()
    assert np.array_equal(plain, draw_cell(255 - image, truth_of(0), toy_runs.CLASSES, True))
    assert not np.array_equal(draw_cell(image, truth_of(0), toy_runs.CLASSES, False), plain)


def test_found_instances_take_the_colour_of_their_truth_and_wrong_ones_are_white():
    truth = truth_of(0)
    shifted = np.roll(truth.masks[::-1], 1, axis=2)  # in other order, one pixel aside
    nowhere = np.zeros((1, 64, 64), bool)
    nowhere[0, :3, :3] = True
    found = Instances(np.concatenate([shifted, nowhere]), np.zeros((3, 4), np.float32), np.zeros(3, int), np.ones(3))
    own = matched_colors(truth, None)
    assert len(np.unique(own, axis=0)) == 2
    assert matched_colors(truth, found).tolist() == [own[1].tolist(), own[0].tolist(), list(WRONG)]
    boxes = Instances(None, np.array([[0.0, 0, 10, 10], [20, 20, 40, 40]], np.float32), np.zeros(2, int), None)
    assert matched_colors(boxes, boxes).tolist() == matched_colors(boxes, None).tolist()
    none = Instances(np.zeros((0, 64, 64), bool), np.zeros((0, 4), np.float32), np.zeros(0, int), None)
    assert matched_colors(truth, none).shape == (0, 3)
    assert matched_colors(none, found).tolist() == [list(WRONG)] * 3
    cell = draw_cell(toy_runs.toy_image(0)[0], found, toy_runs.CLASSES, True, matched_colors(truth, found))
    assert cell[12, 12].tolist() == [round(PLAIN / 4 + 0.75 * value) for value in WRONG]


def test_sheet_has_a_row_an_image_or_a_row_a_system():
    images = {f'{seed}.png': toy_runs.toy_image(seed)[0] for seed in range(3)}
    columns = [Column('truth', [truth_of(seed) for seed in range(3)]), Column('other', [truth_of(0)] * 3)]
    tall = comparison_sheet(images, columns, toy_runs.CLASSES, cell=64)
    wide = comparison_sheet(images, columns, toy_runs.CLASSES, cell=64, systems_as_rows=True)
    assert tall.shape[1] == 2 * 64 + 3 * GAP
    assert wide.shape[1] == 3 * 64 + 4 * GAP
    with pytest.raises(ValueError, match=r"3 images, but \{'short': 1\}"):
        comparison_sheet(images, [Column('short', [truth_of(0)])], toy_runs.CLASSES)


def test_pairs_and_work_dirs_give_the_same_sheet(system, tmp_path, capsys):
    config, checkpoint = system
    common = ['--num', '2', '--objects', '1', '5', '--score-thr', '0', '--instances-only', '--cell', '64']
    assert main(['compare', f'{config}={checkpoint}', '--out-file', str(tmp_path / 'a.png'), *common]) == 0
    assert '2 images, 1 systems' in capsys.readouterr().out
    work_dir = tmp_path / 'work'
    work_dir.mkdir()
    shutil.copy(checkpoint, work_dir / 'best.pth')
    (work_dir / 'summary.json').write_text(json.dumps(dict(config=config, checkpoints=dict(best='best.pth'))))
    assert main(['compare', str(work_dir), '--out-file', str(tmp_path / 'b.png'), *common]) == 0
    first, second = (cv2.imread(str(tmp_path / name)) for name in ('a.png', 'b.png'))
    assert np.array_equal(first, second)
    assert first.shape[1] == 2 * 64 + 3 * GAP
    named = ['--images', 'toy 2.png', '--titles', 'mine']
    assert main(['compare', str(work_dir), '--out-file', str(tmp_path / 'c.png'), *common, *named]) == 0
    assert cv2.imread(str(tmp_path / 'c.png')).shape[0] < first.shape[0]


@pytest.mark.parametrize('kind', ['GrabCutFromBoxes', 'WatershedFromClicks'])
def test_a_system_that_is_prompted_by_annotations_gets_them(kind, system, tmp_path):
    cfg = Config.fromfile(system[0])
    cfg.model = dict(type=f'mmseg_plugins.{kind}', data_preprocessor=dict(type='DetDataPreprocessor', pad_mask=True))
    cfg.dump(str(tmp_path / 'config.py'))
    job = ComparisonJob(num=1, objects=(1, 5), score_thr=0.5)
    path = str(validation_data(system[0], job).get_data_info(1)['img_path'])
    found, = predict((str(tmp_path / 'config.py'), None), [path], False, job)
    assert len(found.masks) == 2
    with pytest.raises(UserError, match=r'its validation data lack nowhere\.png'):
        predict((str(tmp_path / 'config.py'), None), ['nowhere.png'], False, job)


def test_label_maps_are_drawn_without_their_images_and_with_a_legend(tmp_path, capsys):
    config, checkpoint = save_model(
        toy_runs.segmentor_config(toy_runs.write_toy_label_maps(tmp_path / 'maps'), tmp_path / 'run'), tmp_path / 'run')
    pair = [f'{config}={checkpoint}', '--num', '2', '--cell', '64', '--titles', 'net']
    for name, more in (('a', []), ('b', ['--labels-only']), ('c', ['--labels-only', '--systems-as-rows'])):
        assert main(['compare', *pair, '--out-file', str(tmp_path / f'{name}.png'), *more]) == 0
    assert '2 images, 1 systems' in capsys.readouterr().out
    photo, plain, wide = (cv2.imread(str(tmp_path / f'{name}.png')) for name in 'abc')
    assert photo.shape == plain.shape
    assert plain.shape[1] == 2 * 64 + 3 * GAP
    assert not np.array_equal(photo, plain)
    assert wide.shape[1] == plain.shape[1]  # two columns either way, and two rows
    lines = {name: len(wrap(name, 64, TITLE_SIZE, LINES)) for name in ('ground truth', '0.png', '50 % right')}
    more = lines['ground truth'] - lines['0.png'] + lines['50 % right']  # captions over both images, or over one system
    assert plain.shape[0] - wide.shape[0] == more * text_size('x', TITLE_SIZE)[1]


def test_a_sheet_of_label_maps_says_what_share_is_right_and_shows_no_pixel_of_the_image():
    truth = np.repeat(np.array([0, 1, 255, 1], np.uint8), 16)[None].repeat(64, 0)
    found = truth.copy()
    found[:32, :16] = 1
    assert right_share(truth, truth) == 1
    assert right_share(truth, found) == pytest.approx(1 - 32 * 16 / (48 * 64))
    assert np.isnan(right_share(np.full_like(truth, 255), found))
    columns = [LabelColumn('truth', [truth]), LabelColumn('net', [found])]
    images = [{'a.png': np.full((64, 64, 3), value, np.uint8)} for value in (0, 200)]
    palette = [[255, 0, 0], [0, 0, 255]]
    plain = [label_sheet(image, columns, ['x', 'y'], palette, plain=True, cell=64) for image in images]
    assert np.array_equal(*plain)
    reds, blues = ((plain[0] == color).all(-1).sum() for color in ([0, 0, 255], [255, 0, 0]))
    assert reds > 1000
    assert blues > 2 * reds
    shown = [label_sheet(image, columns, ['x', 'y'], palette, cell=64) for image in images]
    assert not np.array_equal(*shown)
    with pytest.raises(ValueError, match=r"1 images, but \{'net': 2\}"):
        label_sheet(images[0], [columns[0], LabelColumn('net', [found] * 2)], ['x', 'y'])


def test_a_trained_model_in_the_package_is_compared_by_its_name(tmp_path, capsys):
    data = toy_runs.write_toy_label_maps(tmp_path / 'maps')
    config, checkpoint = save_model(toy_runs.segmentor_config(data, tmp_path / 'run'), tmp_path / 'run')
    assert split_system('enet-camvid') == ('enet-camvid', None)
    out = ['--out-file', str(tmp_path / 'a.png'), '--num', '1', '--cell', '64', '--systems-as-rows']
    assert main(['compare', f'{config}={checkpoint}', *out]) == 0
    alone = cv2.imread(str(tmp_path / 'a.png'))
    assert main(['compare', f'{config}={checkpoint}', 'enet-camvid', *out]) == 0
    assert '1 images, 2 systems' in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / 'a.png')).shape[0] > alone.shape[0] + 64


def test_errors_name_what_is_wrong_and_the_fix(system, tmp_path, capsys):
    config, checkpoint = system
    out = ['--out-file', str(tmp_path / 'x.png')]

    def error(*argv):
        assert main(['compare', *argv, *out]) == 2
        return capsys.readouterr().err

    (tmp_path / 'README.md').write_text('none')
    few = ['--objects', '1', '5']
    assert 'README.md cannot be read as a checkpoint' in error(f'{config}={tmp_path / "README.md"}', *few)
    assert "device 'gpu' cannot be used" in error(f'{config}={checkpoint}', *few, '--device', 'gpu')
    assert main(['compare', f'{config}={checkpoint}', '--out-file', str(tmp_path / 's.gif2')]) == 2
    assert 'its name must end in one of' in capsys.readouterr().err
    assert 'neither a folder nor CONFIG=CHECKPOINT nor a model' in error('nothing')
    assert 'enet-camvid' in error('enet-camvit')
    assert 'holds no summary.json of a run. Fix' in error(str(tmp_path))
    assert 'no image holds 10 to 60 objects; they hold 2 to 2. Fix: --objects' in error(f'{config}={checkpoint}')
    assert "no image 'toy 9.png'" in error(f'{config}={checkpoint}', '--images', 'toy 9.png')
    maps = save_model(toy_runs.segmentor_config(toy_runs.write_toy_label_maps(tmp_path / 'maps'), tmp_path / 'run'),
                      tmp_path / 'run')
    both = [f'{config}={checkpoint}', f'{maps[0]}={maps[1]}', '--objects', '1', '5', '--num', '1']
    assert 'predicts no instances' in error(*both)
    assert 'predicts no label maps' in error(*both[1::-1], '--num', '1')
    assert not (tmp_path / 'x.png').exists()
