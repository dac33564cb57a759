"""Pipelines that would kill the first batch, and images of other channels than the network takes."""

import copy

import cv2
import data_promise
import numpy as np
import pytest
import toy_runs

from mmseg_plugins.data_check.check_config import check_config


@pytest.fixture
def cfg(tmp_path):
    return toy_runs.detector_config(toy_runs.write_toy_coco(tmp_path / 'data', images=2), tmp_path / 'run')


def said(cfg):
    return ' '.join(text for report in check_config(cfg) for text in report.problems())


def change(number, **values):
    return lambda steps: [{**step, **values} if i == number else step for i, step in enumerate(steps)]


@pytest.mark.parametrize(('spoil', 'words'), [
    (change(0, color_type='rgb'), "color_type = 'rgb'"), (change(0, type='mmdet.LoadImageFromNDArray'), 'from memory'),
    (lambda steps: steps[1:], 'loads no image'), (lambda steps: steps[:-1], 'ends with RandomFlip'),
    (change(1, with_mask=False), 'without with_mask=True, and the mask_head'),
    (change(1, with_bbox=False), 'without with_bbox=True, and the rpn_head')])
def test_a_pipeline_that_kills_the_first_batch_is_refused(spoil, words, cfg):
    assert said(cfg) == ''
    cfg.train_dataloader.dataset.pipeline = spoil(cfg.train_dataloader.dataset.pipeline)
    assert words in said(cfg)
    assert 'Fix: ' in said(cfg)


def test_the_pipeline_inside_a_mix_of_images_packs_nothing(cfg):
    inner = copy.deepcopy(cfg.train_dataloader.dataset)
    *inner.pipeline, last = inner.pipeline
    cfg.train_dataloader.dataset = dict(type='MultiImageMixDataset', dataset=inner, pipeline=[last])
    assert said(cfg) == ''


def spoil_channels(cfg, depths):
    folder = cfg.train_dataloader.dataset.data_root
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.pipeline[0].color_type = 'unchanged'
    for number, depth in enumerate(depths):
        image = cv2.imread(f'{folder}/images/toy {number}.png')
        image = image[..., 0] if depth == 1 else np.dstack([image, image[..., :1]]) if depth == 4 else image
        cv2.imwrite(f'{folder}/images/toy {number}.png', image)


def test_images_of_other_channels_than_the_network_takes_are_refused(cfg):
    spoil_channels(cfg, (3, 1))
    assert 'toy 1.png has 1 channels as it is loaded, the network takes 3' in said(cfg)


def test_a_fourth_channel_is_cut_in_training_and_prediction_alike(cfg):
    spoil_channels(cfg, (3, 4))
    assert data_promise.outcome(cfg, data_promise.load_all) == ('accepted', '')
    cfg.model.data_preprocessor.bgr_to_rgb = False
    assert 'toy 1.png has 4 channels' in said(cfg)


@pytest.fixture
def maps(tmp_path):
    return toy_runs.segmentor_config(toy_runs.write_toy_label_maps(tmp_path / 'maps', images=2), tmp_path / 'run')


def test_a_palette_has_a_color_for_each_class(maps):
    assert said(maps) == ''
    maps.train_dataloader.dataset.metainfo = dict(classes=('ground', 'disc', 'bar'), palette=[(0, 0, 0)])
    assert 'metainfo has 1 colors and 3 classes' in said(maps)


def test_one_channel_of_class_scores_is_refused(maps):
    maps.model.decode_head.update(out_channels=1)
    assert 'Fix: use_sigmoid=True in loss_decode' in said(maps)
    maps.model.decode_head.loss_decode = [dict(type='CrossEntropyLoss', use_sigmoid=True)]
    assert 'use_sigmoid' not in said(maps)


def test_images_of_several_sizes_that_no_step_makes_equal_are_refused(maps):
    folder = maps.train_dataloader.dataset.data_root
    for name in ('img_dir', 'ann_dir'):
        image = cv2.imread(f'{folder}/{name}/1.png', -1)
        cv2.imwrite(f'{folder}/{name}/1.png', np.pad(image, ((0, 9), (0, 0), (0, 0))[:image.ndim]))
    assert 'images of 2 sizes after the pipeline, such as 64 x 73 (1.png), and the preprocessor pads' in said(maps)
    maps.train_dataloader.dataset.pipeline.insert(2, dict(type='RandomCrop', crop_size=(64, 64)))
    assert said(maps) == ''


def test_a_batch_of_validation_has_one_size(maps):
    folder = maps.train_dataloader.dataset.data_root
    for name in ('img_dir', 'ann_dir'):
        image = cv2.imread(f'{folder}/{name}/1.png', -1)
        cv2.imwrite(f'{folder}/{name}/1.png', np.pad(image, ((0, 9), (0, 0), (0, 0))[:image.ndim]))
    maps.train_dataloader.dataset.pipeline.insert(2, dict(type='RandomCrop', crop_size=(64, 64)))
    maps.val_dataloader.batch_size = 2
    assert 'val_dataloader.batch_size=2. Rule: mmseg predicts images of one size in a batch' in said(maps)
    for step in maps.val_dataloader.dataset.pipeline:
        if step['type'] == 'Resize':
            step['keep_ratio'] = False
    assert said(maps) == ''


@pytest.mark.parametrize(('size', 'divisor'), [(None, None), ((64, 64), 32)])
def test_mmseg_pads_a_training_batch_by_one_of_two_numbers(size, divisor, maps):
    maps.model.data_preprocessor.update(size=size, size_divisor=divisor)
    assert f'has size={size} and size_divisor={divisor}. Rule' in said(maps)


def test_label_maps_of_a_validation_keep_their_size(maps):
    steps = maps.val_dataloader.dataset.pipeline
    steps.insert(1, steps.pop(2))
    assert said(maps) == ''  # to the size that images have
    steps[2]['scale'] = (48, 48)
    assert 'the pipeline of val makes 48 x 48 px of a label map of 64 x 64 px' in said(maps)


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(reduce_zero_label='False'), "reduce_zero_label = 'False' is a text, which counts as True"),
    (dict(img_suffix=('.png', '.jpg')), "img_suffix = ['.png', '.jpg']. Rule: one text"),
])
def test_switches_and_suffixes_of_another_kind_are_refused(changes, words, maps):
    maps.train_dataloader.dataset.update(changes)
    assert words in said(maps).replace('(', '[').replace(')', ']')


def test_what_moves_or_loses_predictions_of_a_detector_is_refused(tmp_path):
    cfg = toy_runs.detector_config(toy_runs.write_toy_coco(tmp_path / 'data', images=2), tmp_path / 'run')
    assert said(cfg) == ''
    steps = cfg.val_dataloader.dataset.pipeline
    steps.insert(1, dict(type='RandomCrop', crop_size=(32, 32)))
    assert 'the pipeline of val has RandomCrop, which moves what is predicted' in said(cfg)
    del steps[1]
    steps[-1]['meta_keys'] = ('img_id', 'img_path', 'ori_shape')
    assert "meta_keys of PackDetInputs lack 'img_shape', 'scale_factor'" in said(cfg)
