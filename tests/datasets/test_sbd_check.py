"""The data check on SBD files, and the converter to COCO."""


import json

import numpy as np
import pytest
from mmdet.datasets import CocoDataset
from mmengine.config import Config
from sbd_sets import HEIGHT, IMAGES, WIDTH, label_maps, write_mats, write_sbd
from test_sbd_dataset import load

from mmseg_plugins.cli.main import main
from mmseg_plugins.data_check.check_config import check_config
from mmseg_plugins.data_check.coco_check import CocoSource, check_coco
from mmseg_plugins.data_check.image_check import ImageOptions
from mmseg_plugins.data_prep.sbd import convert_sbd, which_list
from mmseg_plugins.datasets.sbd_files import CLASSES
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.utils.errors import UserError


@pytest.fixture
def root(tmp_path):
    return write_sbd(tmp_path / 'sbd')


def config(root, num_classes=20, **changes):
    dataset = dict(type='mmseg_plugins.SBDInstanceDataset', data_root=str(root), ann_file='train.txt', pipeline=[])
    return Config({
        'default_scope': 'mmdet',
        'model': {'roi_head': {'num_classes': num_classes}},
        'train_dataloader': {'dataset': {'type': 'RepeatDataset', 'times': 2, 'dataset': {**dataset, **changes}}},
    })


def test_sound_set_has_no_problem_and_a_histogram(root):
    (report,) = check_config(config(root))
    assert report.problems() == []
    assert (report.images, report.annotations, report.kept_images, report.kept_annotations) == (3, 3, 3, 3)
    assert report.histogram['person'] == (1, 1)
    assert report.histogram['cat'] == (0, 0)
    (report,) = check_config(config(root, filter_cfg=dict(filter_empty_gt=True)))
    assert report.kept_images == 2


def test_only_a_part_of_the_files_is_opened_on_demand(root):
    (report,) = check_config(config(root), options=ImageOptions(max_headers=1))
    assert report.kept_images is None
    assert '3 images and label maps were looked for, 1 of them opened' in report.notes[0]


def test_class_numbers_of_heads_are_compared(root):
    (report,) = check_config(config(root, num_classes=21))
    assert 'model.roi_head.num_classes = 21, the data has 20 classes' in report.problems()[0]
    (report,) = check_config(config(root, num_classes=1, metainfo=dict(classes=('persn', ))))
    assert "SBD has no class 'persn' (did you mean 'person'?)" in report.problems()[0]


@pytest.mark.parametrize(('kind', 'text'), [
    ('list', r'train.txt does not exist'),
    ('folder', r'cls does not exist'),
    ('image', 'the image file does not exist. a_02.jpg'),
    ('map', 'the label map does not exist. a_02.mat'),
    ('damaged', 'the label map does not fit. a_02'),
    ('size', 'the image is 9 x 9, its label maps 36 x 24'),
    ('classes', 'no object of the classes'),
])
def test_each_fault_is_a_problem_with_a_fix(root, kind, text):
    changes = {}
    if kind == 'list':
        (root / 'train.txt').unlink()
    elif kind == 'folder':
        (root / 'cls').rename(root / 'class')
    elif kind == 'image':
        (root / 'img/a_02.jpg').unlink()
    elif kind == 'map':
        (root / 'inst/a_02.mat').unlink()
    elif kind == 'damaged':
        (root / 'inst/a_02.mat').write_bytes(b'x' * 300)
    elif kind == 'size':
        save_image(root / 'img/a_02.jpg', np.zeros((9, 9, 3), np.uint8))
    else:
        changes = dict(num_classes=1, metainfo=dict(classes=('cat', )))
    (report,) = check_config(config(root, **changes))
    assert any(text in problem and 'Fix' in problem for problem in report.problems()), report.problems()


def test_converted_set_is_the_same_for_cocos_loader(root, tmp_path):
    builders = convert_sbd(root, tmp_path / 'out')
    assert builders['train'].summary() == '3 images, 3 instances of 20 classes'
    assert builders['val'].summary() == '1 images, 3 instances of 20 classes'
    path = tmp_path / 'out/instances_train.json'
    report = check_coco(CocoSource('train', path, root / 'img', CLASSES), ImageOptions(decode=True))
    assert report.problems() == []
    assert [item['id'] for item in json.loads(path.read_text())['categories']] == list(range(1, 21))
    ours = load(root)
    theirs = CocoDataset(ann_file=str(path), data_prefix=dict(img=str(root / 'img')), metainfo=dict(classes=CLASSES),
                         filter_cfg=None, pipeline=[])
    for i in range(len(IMAGES) - 1):
        for a, b in zip(ours.get_data_info(i)['instances'], theirs.get_data_info(i)['instances'], strict=True):
            assert (a['bbox'], a['bbox_label'], a['mask']) == (b['bbox'], b['bbox_label'], b['mask'])


def test_converter_takes_other_lists_and_names_what_is_missing(root, tmp_path):
    (root / 'mine.txt').write_text('b_01\na_03\n')
    assert list(convert_sbd(root, tmp_path, {'test': root / 'mine.txt'})) == ['test']
    assert (tmp_path / 'instances_test.json').is_file()
    save_image(root / 'img/a_03.jpg', np.zeros((WIDTH, HEIGHT, 3), np.uint8))
    with pytest.raises(UserError, match=r'a_03\.jpg is 24 x 36, its label maps 36 x 24'):
        convert_sbd(root, tmp_path)
    (root / 'img/a_03.jpg').unlink()
    with pytest.raises(UserError, match=r'1 of the 3 files .*img: a_03\.jpg'):
        convert_sbd(root, tmp_path)
    (root / 'train.txt').unlink()
    (root / 'val.txt').unlink()
    with pytest.raises(UserError, match=r'neither train\.txt nor val\.txt.*msracver/FCIS'):
        convert_sbd(root, tmp_path)
    with pytest.raises(UserError, match=r'img is no folder.*ROOT/img/\*\.jpg'):
        convert_sbd(root / 'img', tmp_path)


def test_the_command_prints_what_it_wrote_or_is_refused_with_the_message(root, tmp_path, capsys):
    assert main(['convert-data', 'sbd', str(root), '--val', str(root / 'train.txt')]) == 0
    assert capsys.readouterr().out == f'{root / "annotations"}, val: 3 images, 3 instances of 20 classes\n'
    assert (root / 'annotations/instances_val.json').is_file()
    assert main(['convert-data', 'sbd', str(tmp_path / 'nowhere')]) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert 'Traceback' not in error


def test_lists_of_the_papers_are_recognised():
    assert which_list(5623) == ' (the SDS split for training)'
    assert 'shares images' in which_list(8498)
    assert which_list(3) == ''


def test_masks_with_holes_and_several_parts_are_exact(root, tmp_path):
    inst, cls = label_maps(IMAGES['a_02'])
    inst[3:6, 4:9] = cls[3:6, 4:9] = 0
    inst[:, 20] = cls[:, 20] = 255
    write_mats(root, 'a_02', inst, cls, [20])
    assert convert_sbd(root, tmp_path)['train'].annotations[2]['area'] == HEIGHT * WIDTH - 15 - HEIGHT
