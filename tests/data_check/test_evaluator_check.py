"""An evaluator's file and its data set, indices, and wrappers that leave nothing."""

import json

import pytest
from coco_sets import dataset_config, sound_content, write_set
from mmengine.config import Config

from mmseg_plugins.data_check.check_config import check_config


@pytest.fixture
def cfg(tmp_path):
    for split in ('train', 'val'):
        write_set(tmp_path, sound_content(), split)
    file = str(tmp_path / 'annotations' / 'val.json')
    return Config(dict(
        default_scope='mmdet', model=dict(bbox_head=dict(num_classes=2)),
        train_dataloader=dict(dataset=dataset_config(tmp_path)),
        val_dataloader=dict(dataset=dataset_config(tmp_path, 'val')),
        val_evaluator=dict(type='CocoMetric', metric=['bbox', 'segm'], ann_file=file)))


def said(cfg):
    reports = check_config(cfg)
    return ' '.join(text for report in reports for text in (*report.problems(), *report.warnings))


def other(tmp_path, **changes):
    path = tmp_path / 'other.json'
    path.write_text(json.dumps({**sound_content(), **changes}))
    return str(path)


def test_a_file_of_the_evaluator_knows_each_image_and_the_classes(cfg, tmp_path):
    assert 'evaluator' not in said(cfg)
    cfg.val_evaluator.ann_file = other(tmp_path)
    assert 'evaluator' not in said(cfg)
    cfg.val_evaluator.ann_file = other(tmp_path, images=sound_content()['images'][:1])
    assert 'val_evaluator: CocoMetric compares with' in said(cfg)
    assert 'lacks 2 of the 3 images that are predicted' in said(cfg)
    cfg.val_evaluator.ann_file = other(tmp_path, categories=[dict(id=1, name='x'), dict(id=2, name='y')])
    assert 'Rule: labels are matched by name' in said(cfg)
    cfg.val_evaluator = [dict(cfg.val_evaluator, ann_file=str(tmp_path / 'none.json'))]
    assert 'val_evaluator: the annotation file' in said(cfg)


@pytest.mark.parametrize(('indices', 'words'), [
    ([0, 3], r'indices [3] are beyond the 3 images'), ([], 'at least one'), (0, 'indices = 0 takes no image'),
    ('2', "indices = '2'"), ([0, 1.5], 'a list of them'), ([-3, 2], None), (99, None)])
def test_indices_that_leave_nothing_or_reach_too_far_are_refused(indices, words, cfg):
    cfg.train_dataloader.dataset.indices = indices
    assert words in said(cfg) if words else 'indices' not in said(cfg)


def test_a_metric_that_compares_with_more_images_than_are_predicted_is_a_warning(cfg):
    cfg.val_dataloader.dataset.indices = 2
    assert 'objects of the others count as missed' in said(cfg)


@pytest.mark.parametrize(('wrap', 'words'), [
    (lambda part: [part], "train_dataloader.dataset is a list"),
    (lambda part: dict(type='RepeatDataset', times=0, dataset=part), 'train_dataloader.dataset.times = 0'),
    (lambda part: dict(type='ConcatDataset', datasets=[]), 'train_dataloader.dataset.datasets = []'),
    (lambda part: dict(type='ConcatDataset', datasets=[part, dict(type='RepeatDataset', times=-1, dataset=part)]),
     'train_dataloader.dataset.datasets[1].times = -1')])
def test_wrappers_that_leave_nothing_are_refused(wrap, words, cfg):
    cfg.train_dataloader.dataset = wrap(cfg.train_dataloader.dataset)
    assert words in said(cfg)


def test_a_metric_of_coco_needs_the_ids_of_images(cfg):
    steps = cfg.val_dataloader.dataset.pipeline
    cfg.val_dataloader.dataset.pipeline = [dict(type='LoadImageFromFile'), *steps, dict(type='PackDetInputs')]
    assert 'img_id' not in said(cfg)
    cfg.val_dataloader.dataset.pipeline[-1].meta_keys = ('img_path', 'ori_shape', 'img_shape', 'scale_factor')
    assert "meta_keys of PackDetInputs lack 'img_id'" in said(cfg)


def test_masks_that_no_part_of_a_model_gives_are_not_measured(cfg):
    cfg.model = dict(type='mmdet.MaskRCNN', roi_head=dict(type='StandardRoIHead', bbox_head=dict(num_classes=2)))
    assert "CocoMetric has metric='segm', and no part of the model gives masks" in said(cfg)
    cfg.model.roi_head.mask_head = dict(num_classes=2)
    assert "'segm'" not in said(cfg)
    cfg.model.update(type='OwnDetector', roi_head=dict(bbox_head=dict(num_classes=2)))
    assert "'segm'" not in said(cfg)


def test_options_of_metrics_that_the_first_validation_would_stop_at(cfg):
    cfg.val_evaluator.iou_thrs = 0.5
    assert 'CocoMetric has iou_thrs=0.5. Rule: a list. Fix: iou_thrs=[0.5].' in said(cfg)
    cfg.val_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU', 'mDise'])]
    assert "iou_metrics='mDise' (did you mean 'mDice'" in said(cfg)
