"""Steps of pipelines around U-Net: deformation, margins, weights, labels of instances."""

import numpy as np
import pytest
import torch
from coco_sets import sound_content, write_set
from mmdet.structures.mask import BitmapMasks
from mmengine.registry import DefaultScope

from mmseg_plugins.data_check.check_config import check_config
from mmseg_plugins.datasets.transforms.border_weights import border_weights
from mmseg_plugins.datasets.transforms.elastic_deformation import cubic_weights
from mmseg_plugins.registry import DATASETS, TRANSFORMS
from mmseg_plugins.utils.errors import UserError


def build(kind, **kwargs):
    with DefaultScope.overwrite_default_scope('mmseg'):
        return TRANSFORMS.build(dict(type=f'mmseg_plugins.{kind}', **kwargs))


def sample(size=(40, 52), dtype=np.uint8):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, size).astype(dtype)
    return dict(img=rng.integers(0, 255, (*size, 3), dtype=np.uint8), gt_seg_map=label, seg_fields=['gt_seg_map'])


def test_grid_weights_pass_through_the_points_and_keep_straight_lines():
    weights = cubic_weights(9, 3)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights[[0, 4, 8]], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(cubic_weights(5, 5) @ np.arange(5.0), np.arange(5.0))
    t = 0.5  # half-way between the first two points, the first one repeated before it: Catmull-Rom's rule
    expected = [-0.5 * t + t**2 - 0.5 * t**3 + 1 - 2.5 * t**2 + 1.5 * t**3, 0.5 * t + 2 * t**2 - 1.5 * t**3,
                -0.5 * t**2 + 0.5 * t**3]
    np.testing.assert_allclose(weights[2], expected)


def test_image_and_labels_move_together():
    results = sample()
    results['img'] = np.repeat((results['gt_seg_map'] * 100)[..., None], 3, axis=2)
    results['gt_instance_map'] = results['gt_seg_map'].astype(np.int64) + 1000
    results['seg_fields'].append('gt_instance_map')
    np.random.seed(3)
    moved = build('ElasticDeformation', sd=10.0)({**results})
    assert moved['gt_seg_map'].dtype == np.uint8
    assert (moved['gt_seg_map'] != results['gt_seg_map']).mean() > 0.3
    np.testing.assert_array_equal(moved['gt_instance_map'], moved['gt_seg_map'].astype(np.int64) + 1000)
    assert moved['img'].shape == results['img'].shape
    blocks = dict(img=np.zeros((40, 52, 3), np.uint8), gt_seg_map=np.zeros((40, 52), np.uint8),
                  seg_fields=['gt_seg_map'])
    blocks['img'][:, 26:], blocks['gt_seg_map'][:, 26:] = 200, 1
    np.random.seed(4)
    moved = build('ElasticDeformation', sd=6.0)(blocks)
    differ = (moved['img'][..., 0] > 100) != (moved['gt_seg_map'] == 1)
    assert differ.mean() < 0.02  # half a pixel along the edge
    assert 0 < moved['gt_seg_map'].mean() < 1


def test_no_displacement_and_probability_0_change_nothing():
    for kwargs in (dict(sd=0.0), dict(prob=0.0)):
        results = sample()
        before = {key: results[key].copy() for key in ('img', 'gt_seg_map')}
        after = build('ElasticDeformation', **kwargs)(results)
        for key, value in before.items():
            np.testing.assert_array_equal(after[key], value)


def test_one_pixel_is_deformed_to_itself():
    results = build('ElasticDeformation')(sample((1, 1)))
    assert results['img'].shape == (1, 1, 3)


@pytest.mark.parametrize(('kind', 'kwargs', 'words'), [
    ('ElasticDeformation', dict(grid=1), 'grid=1 must be at least 2'),
    ('MirrorPad', dict(margin=-1), 'margin=-1 px'),
    ('BorderWeightMap', dict(sigma=0), 'sigma=0 px above 0'),
])
def test_wrong_settings_are_refused(kind, kwargs, words):
    with pytest.raises(ValueError, match=words):
        build(kind, **kwargs)


@pytest.mark.parametrize('margin', [3, 60])
def test_margin_mirrors_the_image_and_ignores_the_labels(margin):
    results = sample()
    results['gt_weight_map'] = np.ones((40, 52), np.float32)
    results['seg_fields'].append('gt_weight_map')
    label, image = results['gt_seg_map'], results['img']
    padded = build('MirrorPad', margin=margin)(results)
    inner = (slice(margin, -margin), slice(margin, -margin))
    assert padded['img_shape'] == padded['img'].shape[:2] == (40 + 2 * margin, 52 + 2 * margin)
    np.testing.assert_array_equal(padded['img'][inner], image)
    np.testing.assert_array_equal(padded['img'][margin - 2, inner[1]], image[2])
    np.testing.assert_array_equal(padded['gt_seg_map'][inner], label)
    assert (padded['gt_seg_map'] == 255).sum() == padded['gt_seg_map'].size - label.size
    assert padded['gt_weight_map'].sum() == label.size


def test_weights_of_instances_or_of_parts_reach_the_data_sample():
    label = np.zeros((12, 14), np.uint8)
    label[2:6, 1:5] = label[2:6, 7:12] = 1
    label[0] = 255
    results = dict(img=np.zeros((12, 14, 3), np.uint8), gt_seg_map=label, seg_fields=['gt_seg_map'], img_shape=(12, 14))
    weighted = build('BorderWeightMap', balance=False)(results)
    parts = np.zeros((12, 14), int)
    parts[2:6, 1:5], parts[2:6, 7:12] = 1, 2
    expected = 1 + border_weights(parts)
    expected[0] = 0
    np.testing.assert_allclose(weighted['gt_weight_map'], expected)
    assert weighted['seg_fields'] == ['gt_seg_map', 'gt_weight_map']
    packed = build('PackWeightedSegInputs')(weighted)
    assert torch.equal(packed['data_samples'].gt_weight_map.data[0], torch.from_numpy(expected))
    results['gt_instance_map'] = (label == 1).astype(np.int32)  # one object in two parts: no gap
    assert build('BorderWeightMap', balance=False)(results)['gt_weight_map'].max() == 1


def test_weights_are_cropped_with_the_labels():
    results = build('BorderWeightMap')(sample())
    with DefaultScope.overwrite_default_scope('mmseg'):
        cropped = TRANSFORMS.build(dict(type='RandomCrop', crop_size=(16, 20)))(results)
    assert cropped['gt_weight_map'].shape == cropped['gt_seg_map'].shape == (16, 20)


def test_steps_that_need_another_before_them_say_so():
    with pytest.raises(UserError, match='put LoadAnnotations before'):
        build('BorderWeightMap')(dict(img=np.zeros((4, 4, 3))))
    with pytest.raises(UserError, match=r'mmdet\.LoadAnnotations\(with_bbox=True, with_mask=True\)'):
        build('InstancesToSegMap')(dict(img=np.zeros((4, 4, 3))))


def test_smaller_objects_are_in_front_and_crowds_are_ignored():
    masks = np.zeros((4, 6, 8), np.uint8)
    masks[0, 1:3, 1:3] = masks[1, :5, :5] = masks[2, :, 4:] = 1  # small, large, crowd
    results = dict(
        img=np.zeros((6, 8, 3), np.uint8), gt_masks=BitmapMasks(masks, 6, 8), gt_bboxes=np.zeros((4, 4)),
        gt_bboxes_labels=np.array([1, 0, 0, 1]), gt_ignore_flags=np.array([False, False, True, False]))
    done = build('InstancesToSegMap')(results)
    expected = np.zeros((6, 8), int)
    expected[:, 4:] = 255
    expected[:5, :5] = 1
    expected[1:3, 1:3] = 2
    np.testing.assert_array_equal(done['gt_seg_map'], expected)
    np.testing.assert_array_equal(np.unique(done['gt_instance_map']), [0, 1, 2])
    assert not {'gt_masks', 'gt_bboxes', 'gt_bboxes_labels', 'gt_ignore_flags'} & set(done)
    assert done['seg_fields'] == ['gt_seg_map', 'gt_instance_map']


def test_coco_objects_as_label_maps(tmp_path):
    json_file = write_set(tmp_path, sound_content(2))
    pipeline = [dict(type='LoadImageFromFile'), dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
                dict(type='mmseg_plugins.InstancesToSegMap'), dict(type='PackSegInputs')]
    folder = next(tmp_path.rglob('1.png')).parent
    dataset = dict(
        type='mmseg_plugins.CocoSemanticDataset', ann_file=str(json_file), data_prefix=dict(img=str(folder)),
        metainfo=dict(classes=('cat', 'dog'), palette=[(1, 2, 3), (4, 5, 6)]), pipeline=pipeline)
    with DefaultScope.overwrite_default_scope('mmseg'):
        built = DATASETS.build(dataset)
        assert built.metainfo['classes'] == ('background', 'cat', 'dog')
        assert built.metainfo['palette'][0] == (0, 0, 0)
        assert built[0]['data_samples'].gt_sem_seg.data.unique().tolist() == [0, 1, 2]
        named = DATASETS.build({**dataset, 'metainfo': dict(classes=('background', 'cat')), 'lazy_init': True})
    with pytest.raises(UserError, match="category 'background' has the name of class 0"):
        _ = named.metainfo
    cfg = dict(default_scope='mmseg', train_dataloader=dict(dataset=dataset),
               model=dict(decode_head=dict(num_classes=3)))
    assert [report.errors for report in check_config(cfg)] == [[]]
    cfg['model'] = dict(decode_head=dict(num_classes=2))
    assert 'num_classes = 2, the data has 3 classes' in check_config(cfg)[0].errors[0]
