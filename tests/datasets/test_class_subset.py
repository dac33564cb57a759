"""Subsets of the classes of a label map: which are drawn, what becomes of the map, what reaches the model."""

from collections import Counter

import numpy as np
import pytest
from mmengine.registry import TRANSFORMS, DefaultScope

from mmseg_plugins.datasets.transforms import ClassSubset, PackClassLabels
from mmseg_plugins.utils.errors import UserError

LABEL = np.array([[0, 3, 3, 255], [7, 7, 20, 0]], np.uint8)


def test_the_chosen_classes_become_foreground_and_all_others_background():
    step = ClassSubset()
    for seed in range(20):
        np.random.seed(seed)
        results = step.transform(dict(gt_seg_map=LABEL.copy()))
        chosen = np.flatnonzero(results['class_labels']).tolist()
        assert set(chosen) <= {3, 7, 20}
        assert chosen
        wanted = np.where(LABEL == 255, 255, np.isin(LABEL, chosen))
        assert np.array_equal(results['gt_seg_map'], wanted)
        assert (results['gt_seg_map'].dtype, results['class_labels'].shape) == (np.uint8, (256, ))


def test_every_subset_but_the_empty_one_is_as_likely_as_any_other():
    np.random.seed(0)
    step = ClassSubset()
    counts = Counter(tuple(step.choose(LABEL)) for _ in range(7000))
    assert len(counts) == 7
    assert all(850 < count < 1150 for count in counts.values())


@pytest.mark.parametrize('label', [np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)])
def test_a_map_without_classes_stays_background_and_void(label):
    results = ClassSubset().transform(dict(gt_seg_map=label.copy()))
    assert np.array_equal(results['gt_seg_map'], label)
    assert not results['class_labels'].any()


def test_another_background():
    results = ClassSubset(background=7).transform(dict(gt_seg_map=np.array([[7, 7, 0]], np.uint8)))
    assert results['gt_seg_map'].tolist() == [[0, 0, 1]]
    assert np.flatnonzero(results['class_labels']).tolist() == [0]


def test_the_labels_are_packed_with_the_image():
    with DefaultScope.overwrite_default_scope('mmseg'):
        steps = [TRANSFORMS.build(dict(type=f'mmseg_plugins.{name}')) for name in ('ClassSubset', 'PackClassLabels')]
    results = dict(img=np.zeros((2, 4, 3), np.uint8), gt_seg_map=LABEL.copy(), img_shape=(2, 4), ori_shape=(2, 4))
    for step in steps:
        results = step(results)
    sample = results['data_samples']
    assert sample.class_labels.shape == (256, )
    assert set(sample.gt_sem_seg.data.unique().tolist()) <= {0, 1, 255}
    plain = PackClassLabels().transform(dict(img=np.zeros((2, 4, 3), np.uint8)))
    assert 'class_labels' not in plain['data_samples']


def test_without_a_label_map_it_says_what_is_missing():
    with pytest.raises(UserError, match='LoadAnnotations'):
        ClassSubset().transform({})
