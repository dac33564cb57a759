"""DeepLab v2 ResNet-101 with three scales against the port's numbers: scores, four losses, gradients."""

import re

import pytest
import torch
from golden_cases import RESNET_DEPTHS, GoldenCase, golden_state_dict, rel_error
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from slow_deeplab import msc_scores, resnet_params
from tiny_models import CONFIGS

from mmseg_plugins.config.load import load_config
from mmseg_plugins.weights.deeplabv2 import convert_deeplabv2
from mmseg_plugins.weights.state_dict_rules import check_matches

LAYOUTS = ('pil_nearest', 'stride8_all_on_scale1_grid', 'stride8_own_grids', 'stride8_caffe_layout')


def own_grids(terms):
    """Smaller scales whose labels are resized to their own grid, by the names of a sum's terms."""
    scales = [re.fullmatch(r'(?:pil_(?!1\.0|max)(.+)|s\d+_(.+)_own_grid)', term) for term in terms]
    return frozenset(float(match[1] or match[2]) for match in scales if match)


def step_of(case, name):
    """Distance of the channels that the case has of an array."""
    return int(re.search(r'channels 0, (\d+)', case.facts['arrays'][name]['desc'])[1])


def segmentor(weights, depth=101, base_channels=64, head=None, **options):
    """The model of kazuto1011's config, by default with 5 classes."""
    cfg = load_config(CONFIGS / 'deeplab/deeplabv2_r101-msc-kazuto_20k-crop321_voc.py').model
    cfg.backbone.update(depth=depth, base_channels=base_channels, init_cfg=None)
    cfg.decode_head.update(in_channels=32 * base_channels, **(head or dict(num_classes=5)))
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build({**cfg, 'label_sampling': 'stride', 'own_grids': (), **options})
    converted = convert_deeplabv2(weights)
    check_matches(converted, model.state_dict(), 'DeepLab v2')
    model.load_state_dict(converted, strict=True)
    return model


@pytest.fixture(scope='module')
def case():
    return GoldenCase('deeplab_v2_resnet101_msc')


@pytest.fixture(scope='module')
def model(case):
    config = case.facts['config']
    model = segmentor(
        case.weights, RESNET_DEPTHS[tuple(config['blocks'])], case.width('base.layer2.block1.reduce.conv'),
        dict(num_classes=config['num_classes'], dilations=config['atrous_rates']), scales=config['msc_scales'])
    for parameter in model.parameters():
        parameter.requires_grad = True  # the case has gradients of norms' weights, which the published training freezes
    return model


def samples_of(label):
    samples = []
    for one in label:
        sample = SegDataSample(metainfo=dict(img_shape=one.shape, ori_shape=one.shape))
        sample.gt_sem_seg = PixelData(data=one.long()[None])
        samples.append(sample)
    return samples


@pytest.mark.golden
def test_scores_of_all_scales_and_their_maximum_agree(case, model):
    x = case.arrays['input']
    with torch.no_grad():
        model.eval()
        case.check({'logits_max_eval': model(x, mode='tensor')}, partly=True)
        model.train()
        scores = model.scale_scores(x, model.extract_feat(x))
        case.check({
            **{f'train_logits_{scale}': own for scale, own in zip(model.scales, scores, strict=True)},
            'train_logits_max': model.fuse(scores)}, partly=True)


@pytest.mark.golden
@pytest.mark.parametrize('layout', LAYOUTS)
def test_losses_and_gradients_agree(case, model, layout):
    expected = case.facts['losses']
    terms = expected['sums'][layout]['terms']
    model.own_grids = own_grids(terms)
    model.label_sampling = 'center' if layout.startswith('pil') else 'stride'
    model.train().zero_grad()
    losses = model.loss(case.arrays['input'], samples_of(case.arrays['label']))
    values = {name: value for name, value in losses.items() if 'loss' in name}
    parts = [*(f'x{scale:g}' for scale in model.scales), 'max']
    assert list(values) == [f'decode_{part}.loss_ce' for part in parts]
    for term, value in zip(terms, values.values(), strict=True):
        assert value.item() == pytest.approx(expected['terms'][term], rel=1e-5)
    total = sum(values.values())
    assert total.item() == pytest.approx(expected['sums'][layout]['value'], rel=1e-5)
    total.backward()
    ours = convert_deeplabv2({name: torch.tensor(i) for i, name in enumerate(case.facts['params'])})
    names = {int(i): name for name, i in ours.items()}
    named = dict(model.named_parameters())
    grads = {name: named[names[i]].grad for i, name in enumerate(case.facts['params']) if names[i] in named}
    for name, facts in expected['gradient_stats'][layout].items():
        grad = grads[name].double()
        assert grad.norm().item() == pytest.approx(facts['l2'], rel=1e-3)
        assert grad.abs().sum().item() == pytest.approx(facts['abs_sum'], rel=1e-3)
    stored = [name for name in case.arrays if name.startswith('grad_') and name.endswith(f'_{layout}')]
    for name in stored:
        ours = {'grad_aspp_c0_bias': lambda name: grads['base.aspp.c0.bias'],
                'grad_aspp_c1_weight_sub': lambda name: grads['base.aspp.c1.weight'][:, ::step_of(case, name)],
                'grad_conv1_sub': lambda name: grads['base.layer1.conv1.conv.weight'][::step_of(case, name)],
                }[name.removesuffix(f'_{layout}')](name)
        assert rel_error(ours, case.arrays[name]) < 1e-3, name


@pytest.mark.parametrize(('seed', 'size'), [(3, (65, 97)), (4, (72, 50))])
def test_scores_agree_with_a_transcription_under_other_seeds_and_sizes(seed, size):
    blocks = (3, 4, 6, 3)
    weights = golden_state_dict(resnet_params(blocks, 4), seed, 1.0)
    model = segmentor(weights, depth=50, base_channels=4).eval()
    torch.manual_seed(seed)
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        own, fused = msc_scores(weights, x, blocks=blocks)
        ours = model.scale_scores(x, model.extract_feat(x))
        assert all(rel_error(a, b) < 1e-5 for a, b in zip(ours, own, strict=True))
        assert rel_error(model(x, mode='tensor'), fused) < 1e-5
