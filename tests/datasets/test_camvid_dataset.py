"""CamVid's folders in mmseg."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from toy_runs import ROOT

from mmseg_plugins.registry import DATASETS


def test_reads_pairs_and_keeps_255(tmp_path):
    label = np.full((8, 10), 255, np.uint8)
    label[:, :5] = 10
    for folder, array in (('img_dir/val', np.zeros((8, 10, 3), np.uint8)), ('ann_dir/val', label)):
        (tmp_path / folder).mkdir(parents=True)
        assert cv2.imwrite(str(tmp_path / folder / 'a.png'), array)
    folders = dict(img_path='img_dir/val', seg_map_path='ann_dir/val')
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = DATASETS.build(dict(
            type='mmseg_plugins.CamVidDataset', data_root=str(tmp_path), data_prefix=folders, pipeline=pipeline))
    assert len(dataset) == 1
    assert len(dataset.metainfo['classes']) == len(dataset.metainfo['palette']) == 11
    np.testing.assert_array_equal(dataset[0]['gt_seg_map'], label)


@pytest.mark.parametrize(('base', 'size', 'splits'), [
    ('camvid', (224, 224), ('train', 'val', 'val')), ('camvid_full', (360, 480), ('train', 'val', 'test'))])
def test_the_bases_read_what_the_converter_writes(tmp_path, base, size, splits):
    for split in ('train', 'val', 'test'):
        for folder, name, array in (('img_dir', f'{split}.jpg', np.zeros((360, 480, 3), np.uint8)),
                                    ('ann_dir', f'{split}.png', np.zeros((360, 480), np.uint8))):
            (tmp_path / folder / split).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(tmp_path / folder / split / name), array)
    cfg = Config.fromfile(ROOT / f'configs/_base_/datasets/{base}.py')
    with DefaultScope.overwrite_default_scope('mmseg'):
        for loader, split in zip(('train', 'val', 'test'), splits, strict=True):
            cfg[f'{loader}_dataloader'].dataset.data_root = str(tmp_path)
            dataset = DATASETS.build(cfg[f'{loader}_dataloader'].dataset)
            sample = dataset[0]
            assert len(dataset) == 1
            assert sample['data_samples'].img_path.endswith(f'{split}.jpg')
            expected = size if loader == 'train' else (360, 480)
            assert tuple(sample['inputs'].shape[1:]) == tuple(sample['data_samples'].gt_sem_seg.shape) == expected


def test_a_recipe_can_validate_on_the_test_images(tmp_path):
    leaf = tmp_path / 'leaf.py'
    base = ROOT / 'configs/_base_/datasets/camvid_full.py'
    other = 'val_dataloader = dict(dataset=dict(data_prefix={{_base_.test_split}}))'
    leaf.write_text(f"_base_ = ['{base}']\n{other}\n")
    cfg = Config.fromfile(leaf)
    assert cfg.val_dataloader.dataset.data_prefix == cfg.test_dataloader.dataset.data_prefix == dict(
        img_path='img_dir/test', seg_map_path='ann_dir/test')
    assert cfg.train_dataloader.dataset.data_prefix.img_path == 'img_dir/train'
