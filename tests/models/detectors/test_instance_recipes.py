"""What the published instance recipes say beyond the network: rates, matching, sampling, schedules."""

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, TRANSFORMS, DefaultScope
from tiny_models import CHANNELS, CONFIGS, batch, build, check_training_step, tiny_config

from mmseg_plugins.config.load import load_config

PANET = 'panet/panet_r50-path-pooling-fusion-4conv1fc_2x_coco.py'


def test_panets_biases_learn_twice_as_fast_those_of_group_norm_too():
    cfg = load_config(CONFIGS / PANET)
    with DefaultScope.overwrite_default_scope('mmdet'), torch.device('meta'):
        model = MODELS.build(cfg.model)
    base = cfg.optim_wrapper.optimizer
    names = {parameter: name for name, parameter in model.named_parameters()}
    found = {names[parameter]: (group['lr'] / base.lr, group['weight_decay'] / base.weight_decay)
             for group in build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
             for parameter in group['params'] if parameter.requires_grad}
    norms = {name for name in found if '.gn.' in name}
    assert norms
    for name, value in found.items():
        assert value == ((2, 0) if name.endswith('bias') else (1, 0) if name in norms else (1, 1)), name


def test_panet_shares_proposals_and_draws_polygons():
    cfg = load_config(CONFIGS / PANET)
    assert cfg.model.rpn_head.max_per_batch == 2000
    assert cfg.train_dataloader.dataset.pipeline[1] == dict(
        type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False)


def test_own_data_over_the_torchvision_config_may_hold_rle_masks():
    released, own = (load_config(CONFIGS / name).train_dataloader.dataset.pipeline for name in
                     (PANET, 'panet/panet_r50-torchvision-full_2x_coco.py'))
    assert own[1] == dict(type='LoadAnnotations', with_bbox=True, with_mask=True)
    assert own[2:] == released[2:]


def test_polygon_targets_are_drawn_at_the_size_of_the_mask_and_train():
    cfg = load_config(CONFIGS / PANET)
    load = TRANSFORMS.build(dict(cfg.train_dataloader.dataset.pipeline[1], type='mmdet.LoadAnnotations'))
    ring = [10.0, 10, 40, 10, 40, 40, 10, 40]
    masks = load(dict(ori_shape=(64, 64), instances=[
        dict(bbox=[10, 10, 40, 40], bbox_label=0, mask=[ring], ignore_flag=0)]))['gt_masks']
    targets = masks.crop_and_resize(np.array([[10.0, 10, 40, 40]]), (28, 28), np.array([0]))
    assert targets.to_ndarray().shape == (1, 28, 28)
    assert targets.to_ndarray().all()
    small = tiny_config('panet/panet_r18-path-pooling-fusion_1500it_shapes.py', neck__in_channels=CHANNELS,
                        train_cfg__rpn_proposal__max_per_img=20, train_cfg__rcnn__sampler__num=16)
    data = batch([[[10, 10, 40, 40]]])
    data['data_samples'][0].gt_instances.masks = masks
    check_training_step(build(small), data)


@pytest.mark.parametrize('name', [PANET, 'fcis/fcis_r101-dc5_8xb1-240k_coco.py',
                                  'fcis/fcis_r101-dc5-random-chainercv_1xb1-236k_sbd.py'])
def test_low_quality_matches_keep_the_anchors_own_object(name):
    assigner = load_config(CONFIGS / name).model.train_cfg.rpn.assigner
    assert assigner.type == 'mmseg_plugins.OwnObjectAssigner'
    assert (assigner.pos_iou_thr, assigner.neg_iou_thr, assigner.min_pos_iou) == (0.7, 0.3, 0.01)
    assert assigner.match_low_quality


@pytest.mark.parametrize(('name', 'kind'), [
    ('fcis_r101-dc5-random_4xb1-62k_sbd', 'mmseg_plugins.PaddedRandomSampler'),
    ('fcis_r101-dc5-random-chainercv_1xb1-236k_sbd', 'RandomSampler'),
    ('fcis_r101-dc5-random-chainercv_8xb1-264k_coco', 'RandomSampler'),
])
def test_the_original_fills_short_batches_and_chainercv_does_not(name, kind):
    sampler = load_config(CONFIGS / f'fcis/{name}.py').model.train_cfg.rcnn.sampler
    assert (sampler.type, sampler.num, sampler.pos_fraction) == (kind, 128, 0.25)


def test_chainercv_on_coco_warms_up_for_two_thousand_images():
    schedule = load_config(CONFIGS / 'fcis/fcis_r101-dc5-random-chainercv_8xb1-264k_coco.py').param_scheduler
    assert [one.type for one in schedule] == ['ConstantLR', 'MultiStepLR']
    assert (schedule[0].factor, schedule[0].end * 8) == (0.1, 2000)


def test_c4_rungs_have_the_papers_samples_proposals_and_length():
    cfg = load_config(CONFIGS / 'roi_ops/mask-rcnn_r50-roialign-c4_160k_coco.py')
    assert cfg.model.train_cfg.rcnn.sampler.num == 64
    assert cfg.model.test_cfg.rpn.max_per_img == 300
    assert (cfg.train_cfg.max_iters, cfg.param_scheduler[-1].milestones) == (160000, [120000])


@pytest.mark.parametrize('name', ['solo_r50_3x', 'decoupled-solo_r50_3x', 'decoupled-solo-light_r50_3x',
                                  'solov2_r50_3x', 'solov2-light_r50-448_3x'])
def test_solos_published_configs_count_boxes_as_the_original(name):
    assert load_config(CONFIGS / f'solo/{name}_coco.py').model.mask_head.box_mode == 'inclusive'
    small = load_config(CONFIGS / f"solo/{name.split('_')[0]}_r18_1500it_shapes.py")
    assert 'box_mode' not in small.model.mask_head  # measured rows keep their recipe
