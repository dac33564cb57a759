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
    assert 'images of 2 sizes, such as 64 x 73 (1.png), and the preprocessor pads to 64 x 64' in said(maps)
    maps.train_dataloader.dataset.pipeline.insert(2, dict(type='RandomCrop', crop_size=(64, 64)))
    assert said(maps) == ''
