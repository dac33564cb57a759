"""What DeepLab's published configs train at which rate, and that their small ones make a step."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from semantic_batches import random_labels, semantic_batch
from tiny_models import CONFIGS

from mmseg_plugins.config.load import load_config

VGG = dict(backbone=dict(base_channels=1), decode_head=dict(in_channels=8, fc_channels=4))
RESNET = dict(backbone=dict(depth=50, base_channels=2, init_cfg=None), decode_head=dict(in_channels=64))


def rates(name, smaller):
    """Parameter name -> (rate over the base rate, decay over the base decay)."""
    cfg = load_config(CONFIGS / f'deeplab/{name}.py')
    for part, values in smaller.items():
        cfg.model[part].update(values)
    model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    base = cfg.optim_wrapper.optimizer
    found = {}
    named = {parameter: key for key, parameter in model.named_parameters()}
    for group in groups:
        for parameter in group['params']:
            decay = group['weight_decay'] / base.weight_decay
            found[named[parameter]] = (round(group['lr'] / base.lr, 6), round(decay, 6))
    return model, found


@pytest.mark.parametrize(('name', 'branches'), [('deeplabv1_vgg16-largefov_6k-crop321_voc', 1),
                                                ('deeplabv2_vgg16-aspp-l_20k-crop321_voc', 4)])
def test_vgg_classifiers_learn_ten_times_and_biases_twice_as_fast(name, branches):
    model, found = rates(name, VGG)
    assert len(model.decode_head.fc8) == branches
    for key, value in found.items():
        bias = key.endswith('bias')
        expected = ((20, 0) if bias else (10, 1)) if 'fc8' in key else ((2, 0) if bias else (1, 1))
        assert value == expected, key


def test_resnet_classifiers_learn_ten_times_as_fast_and_norms_not_at_all():
    model, found = rates('deeplabv2_r101-msc_20k-crop321_voc', RESNET)
    trained = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    assert not any('bn' in key or 'downsample.1' in key for key in trained)
    assert {key for key, module in model.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    for key in trained:
        expected = (1, 1) if 'branches' not in key else (20, 0) if key.endswith('bias') else (10, 1)
        assert found[key] == expected, key
    model.train()
    assert not any(m.training for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d))


@pytest.mark.parametrize(('options', 'scores'), [
    ('deeplabv2_r101-msc_20k-crop321_voc', [41, 31, 21]),
    ('deeplabv2_r101-msc-kazuto_20k-crop321_voc', [41, 21, 31]),
])
def test_crops_of_321_give_the_published_grids(options, scores):
    cfg = load_config(CONFIGS / f'deeplab/{options}.py').model
    cfg.backbone.update(RESNET['backbone'])
    cfg.decode_head.update(in_channels=64)
    model = MODELS.build(cfg).eval()
    x = torch.zeros(1, 3, 321, 321)
    with torch.no_grad():
        assert [s.shape[-1] for s in model.scale_scores(x, model.extract_feat(x))] == scores


SMALL = sorted(path for folder in ('deeplab', 'pspnet') for path in (CONFIGS / folder).glob('*_camvid.py'))


@pytest.mark.parametrize('path', SMALL, ids=lambda path: path.stem)
def test_small_configs_train_every_parameter_and_predict_at_any_size(path):
    model = MODELS.build(load_config(path).model)
    model.data_preprocessor.size = (64, 64)
    data = model.data_preprocessor(semantic_batch([random_labels((64, 57), 11, seed=i) for i in (0, 1)]), True)
    losses = model.train()(**data, mode='loss')
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    data = model.data_preprocessor(semantic_batch([random_labels((45, 71), 11)]), False)
    with torch.no_grad():
        result = model.eval()(**data, mode='predict')[0]
    assert tuple(result.pred_sem_seg.data.shape) == (1, 45, 71)
