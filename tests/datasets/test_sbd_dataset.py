"""SBD's own files as an mmdet data set: what is read, and what is said about files that do not fit."""


import sys

import numpy as np
import pytest
from mmdet.registry import DATASETS
from mmengine.registry import DefaultScope
from sbd_sets import HEIGHT, IMAGES, WIDTH, label_maps, write_mats, write_sbd
from scipy.io import savemat

from mmseg_plugins.datasets.sbd_dataset import SBDInstanceDataset
from mmseg_plugins.datasets.sbd_files import CLASSES, read_instances
from mmseg_plugins.structures.rle import decode_rle
from mmseg_plugins.utils.errors import UserError

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'ori_shape')),
]


@pytest.fixture
def root(tmp_path):
    return write_sbd(tmp_path / 'sbd')


def load(root, **options):
    config = dict(type='mmseg_plugins.SBDInstanceDataset', data_root=str(root), ann_file='train.txt', pipeline=PIPELINE)
    with DefaultScope.overwrite_default_scope('mmdet'):
        return DATASETS.build({**config, **options})


def test_reads_images_classes_boxes_and_masks(root):
    dataset = load(root)
    assert isinstance(dataset, SBDInstanceDataset)
    assert len(dataset) == 3
    assert dataset.metainfo['classes'] == CLASSES
    info = dataset.get_data_info(0)
    assert (info['img_id'], info['height'], info['width']) == ('a_01', HEIGHT, WIDTH)
    assert [item['bbox_label'] for item in info['instances']] == [CLASSES.index('person'), CLASSES.index('bicycle')]
    assert [item['bbox'] for item in info['instances']] == [[3, 4, 12, 14], [20, 10, 30, 20]]
    for item, (_, y1, y2, x1, x2) in zip(info['instances'], IMAGES['a_01'], strict=True):
        wanted = np.zeros((HEIGHT, WIDTH), np.uint8)
        wanted[y1:y2, x1:x2] = 1
        assert (decode_rle(item['mask']) == wanted).all()
    assert dataset.get_cat_ids(1) == [CLASSES.index('tvmonitor')]
    assert dataset.get_data_info(2)['instances'] == []


def test_goes_through_mmdets_pipeline(root):
    sample = load(root)[0]['data_samples']
    assert sample.gt_instances.masks.masks.sum(axis=(1, 2)).tolist() == [90, 100]
    assert len(sample.ignored_instances) == 0


def test_void_pixels_belong_to_no_object(root):
    inst, cls = label_maps(IMAGES['a_01'])
    assert (inst == 255).sum() == 12 * 11 - 90
    _, instances = read_instances(root / 'inst/a_01.mat', root / 'cls/a_01.mat')
    assert not any(instance.mask[inst == 255].any() for instance in instances)
    cls[4, 3] = 255  # void in the class map only: still the object's pixel, as its class is clear
    write_mats(root, 'a_01', inst, cls, [15, 2])
    assert read_instances(root / 'inst/a_01.mat', root / 'cls/a_01.mat')[1][0].mask.sum() == 90


def test_filter_drops_empty_and_small_images_except_in_test_mode(root):
    assert len(load(root, filter_cfg=dict(filter_empty_gt=True))) == 2
    with pytest.raises(UserError, match=r"none of the 3 images .*filter_cfg=\{'min_size': 25\}"):
        load(root, filter_cfg=dict(min_size=HEIGHT + 1))
    assert len(load(root, filter_cfg=dict(filter_empty_gt=True), test_mode=True)) == 3


def test_classes_can_be_chosen_and_are_numbered_anew(root):
    dataset = load(root, metainfo=dict(classes=('tvmonitor', 'bicycle')), filter_cfg=dict(filter_empty_gt=True))
    assert [dataset.get_cat_ids(i) for i in range(len(dataset))] == [[1], [0]]
    with pytest.raises(UserError, match=r"no classes \['nucleus'\]"):
        load(root, metainfo=dict(classes=('cat', 'nucleus')))


def test_folders_can_be_named(root):
    (root / 'inst').rename(root / 'instances')
    assert len(load(root, data_prefix=dict(inst='instances/'))) == 3
    with pytest.raises(UserError, match=r'inst does not exist.*folders instances.*data_prefix=dict\(inst'):
        load(root, data_prefix=dict(img='img/'))


def spoil(kind, root):
    inst, cls = label_maps(IMAGES['a_02'])
    if kind == 'list':
        (root / 'train.txt').unlink()
    elif kind == 'empty list':
        (root / 'train.txt').write_text('\n')
    elif kind == 'twice':
        (root / 'train.txt').write_text('a_01\na_01\n')
    elif kind == 'image':
        (root / 'img/a_02.jpg').unlink()
    elif kind == 'class map':
        (root / 'cls/a_02.mat').unlink()
        (root / 'cls/a_03.mat').unlink()
    elif kind == 'no mat':
        (root / 'inst/a_02.mat').write_bytes(b'nothing of the kind' * 20)
    elif kind == 'cut off':
        content = (root / 'inst/a_02.mat').read_bytes()
        (root / 'inst/a_02.mat').write_bytes(content[:len(content) // 2])
    elif kind == 'exchanged':
        (root / 'cls/a_02.mat').replace(root / 'inst/a_02.mat')
        savemat(root / 'cls/a_02.mat', {'GTinst': 1})
    elif kind == 'sizes':
        write_mats(root, 'a_02', inst[:-1], cls, [20])
    elif kind == 'two classes':
        cls[0, 0] = 3
        write_mats(root, 'a_02', inst, cls, [20])
    elif kind == 'no class':
        write_mats(root, 'a_02', inst, np.zeros_like(cls), [20])
    elif kind == 'channels':
        write_mats(root, 'a_02', np.dstack([inst, inst]), cls, [20])


@pytest.mark.parametrize(('kind', 'text'), [
    ('list', r'train\.txt does not exist.*SDS split are in https://github\.com/msracver/FCIS'),
    ('empty list', 'names no image'),
    ('twice', r"twice: \['a_01'\]"),
    ('image', r'1 of the 3 files that .*train\.txt names are not in .*img: a_02\.jpg'),
    ('class map', r'2 of the 3 files .*cls: a_02\.mat, a_03\.mat'),
    ('no mat', r'a_02\.mat cannot be read as a MATLAB file'),
    ('cut off', r'a_02\.mat cannot be read as a MATLAB file'),
    ('exchanged', r"a_02\.mat has no GTinst\.Segmentation, found .*two folders exchanged"),
    ('sizes', r'a_02\.mat is 36 x 23, .*cls.a_02\.mat 36 x 24'),
    ('two classes', r'object 1 of .*a_02\.mat covers the classes \[3, 20\]'),
    ('no class', r'object 1 of .*a_02\.mat covers the classes \[0\]'),
    ('channels', r'a_02\.mat: GTinst\.Segmentation is \(24, 36, 2\)'),
])
def test_what_does_not_fit_is_named(root, kind, text):
    spoil(kind, root)
    with pytest.raises(UserError, match=text) as caught:
        load(root)
    assert 'Fix' in str(caught.value)


def test_without_scipy_the_fix_is_named(root, monkeypatch):
    monkeypatch.setitem(sys.modules, 'scipy.io', None)
    with pytest.raises(UserError, match=r'needs scipy\. Fix: pip install scipy'):
        load(root)
