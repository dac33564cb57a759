"""CamVid's folders in mmseg."""

import cv2
import numpy as np
from mmengine.registry import DefaultScope

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
