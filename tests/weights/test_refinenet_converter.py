"""RefineNet and Light-Weight RefineNet under the ports' names: golden scores, other seeds and sizes, refusals."""


import pytest
import torch
from golden_cases import RESNET_DEPTHS, GoldenCase, golden_state_dict, rel_error
from mmengine.registry import MODELS, DefaultScope
from official_refinenet import mbv2_forward, mbv2_params, refinenet_forward, refinenet_params

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.refinenet import convert_refinenet
from mmseg_plugins.weights.state_dict_rules import check_matches

LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)
SIZES = [(1, 1), (33, 70), (64, 96)]


@pytest.fixture(autouse=True)
def mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def resnet_model(depth, *, light, width=64, classes=5, **head):
    return dict(
        type='EncoderDecoder',
        backbone=dict(type='ResNet', depth=depth, base_channels=width, stem_channels=width, style='pytorch'),
        decode_head=dict(
            type='mmseg_plugins.LightRefineNetHead' if light else 'mmseg_plugins.RefineNetHead',
            in_channels=[4 * width * 2**stage for stage in range(4)], num_classes=classes, loss_decode=LOSS, **head),
        test_cfg=dict(mode='whole'))


def mobile_model(classes=5, channels=256, **head):
    return dict(
        type='EncoderDecoder',
        backbone=dict(type='mmseg_plugins.ExpandedMobileNetV2', out_indices=(1, 2, 3, 4, 5, 6)),
        decode_head=dict(
            type='mmseg_plugins.LightRefineNetHead', in_channels=[24, 32, 64, 96, 160, 320], map_groups=[1, 1, 2, 2],
            channels=channels, top_channels=channels, adapt=False, dropout_ratio=0.0, act_cfg=dict(type='ReLU6'),
            num_classes=classes, loss_decode=LOSS, **head),
        test_cfg=dict(mode='whole'))


def loaded(cfg, weights):
    """The model without first weights of its own, with the converted ones."""
    with torch.device('meta'):
        model = MODELS.build(cfg).eval()
    converted = convert_refinenet(weights)
    check_matches(converted, model.state_dict(), 'RefineNet')
    model.to_empty(device='cpu').load_state_dict(converted, strict=True)
    return model


def golden_sizes(case):
    """Sizes of a case's network, as the tables of names call them."""
    config = case.facts['config']
    sizes = dict(num_classes=config['num_classes'], pools=config['crp_stages'])
    if 'blocks' in config:
        top, channels, *_ = config['decoder_channels']
        return dict(sizes, width=case.width('conv1'), channels=channels, top=top)
    return dict(sizes, channels=case.width('conv8'))


@pytest.mark.golden
@pytest.mark.parametrize(('name', 'coarsest'), [
    ('refinenet_rf101', 'stage4'), ('refinenet_lw50', 'stage4'), ('refinenet_lw_mbv2', 'crp4')])  # fmt: skip
def test_golden_case(name, coarsest):
    case = GoldenCase(name)
    config, sizes = case.facts['config'], golden_sizes(case)
    options = dict(classes=sizes['num_classes'], channels=sizes['channels'], num_pools=sizes['pools'])
    if 'blocks' in config:
        cfg = resnet_model(RESNET_DEPTHS[tuple(config['blocks'])], light='rcu_before' not in config,
                           width=sizes['width'], top_channels=sizes['top'], **options)
    else:
        cfg = mobile_model(**options)
    model = loaded(cfg, case.weights)
    block = model.decode_head.cascade.blocks[-1]
    seen = {}
    (block if coarsest == 'stage4' else block.pooling).register_forward_hook(
        lambda module, args, out: seen.update({coarsest: out}))
    with torch.no_grad():
        logits = model.decode_head(model.extract_feat(case.arrays['input']))
    case.check({'logits': logits, **seen})


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize(('depth', 'blocks', 'light'), [
    (50, (3, 4, 6, 3), False), (50, (3, 4, 6, 3), True), (101, (3, 4, 23, 3), True), (152, (3, 8, 36, 3), True),
])  # fmt: skip
def test_other_seeds_and_sizes_agree_with_the_slow_transcription(depth, blocks, light, size):
    widths = dict(width=2, channels=12, top=20)
    weights = golden_state_dict(
        refinenet_params(blocks, light=light, num_classes=3, **widths), seed=depth, gain=1.0)
    model = loaded(resnet_model(depth, light=light, width=2, classes=3, channels=12, top_channels=20), weights)
    image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(size[0]))
    with torch.no_grad():
        ours = model.decode_head(model.extract_feat(image))
    assert rel_error(ours, refinenet_forward(weights, image)) < 1e-5


@pytest.mark.parametrize('size', SIZES)
def test_mobilenet_agrees_with_the_slow_transcription_at_other_sizes(size):
    weights = golden_state_dict(mbv2_params(channels=12, num_classes=3), seed=9, gain=1.0)
    model = loaded(mobile_model(classes=3, channels=12), weights)
    image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(size[0]))
    with torch.no_grad():
        ours = model.decode_head(model.extract_feat(image))
    assert rel_error(ours, mbv2_forward(weights, image)) < 1e-5


@pytest.mark.golden
@pytest.mark.parametrize('name', ['refinenet_rf101', 'refinenet_lw50', 'refinenet_lw_mbv2'])
def test_our_tables_of_names_are_those_of_the_golden_cases(name):
    case = GoldenCase(name)
    config, sizes = case.facts['config'], golden_sizes(case)
    if 'blocks' in config:
        params = refinenet_params(tuple(config['blocks']), light='rcu_before' not in config, **sizes)
    else:
        params = mbv2_params(**sizes)
    assert params == {key: tuple(shape) for key, shape in case.facts['params'].items()}


@pytest.mark.parametrize('params', [
    refinenet_params((3, 4, 6, 3), light=True, width=2, channels=4, top=4),
    mbv2_params(channels=4),
])  # fmt: skip
def test_wrapped_names_and_missing_batch_counters_of_old_files_are_read(params):
    weights = golden_state_dict(params, seed=0, gain=1.0)
    old = {f'module.{key}': value for key, value in weights.items() if not key.endswith('num_batches_tracked')}
    converted, expected = convert_refinenet(old), convert_refinenet(weights)
    assert converted.keys() == expected.keys()
    counters = [key for key in converted if key.endswith('num_batches_tracked')]
    assert counters
    assert all(converted[key].dtype == torch.long and converted[key] == 0 for key in counters)


def test_unknown_names_are_listed():
    with pytest.raises(UserError, match=r'fc\.weight'):
        convert_refinenet({'clf_conv.bias': torch.zeros(1), 'fc.weight': torch.zeros(1)})
    with pytest.raises(UserError, match=r'conv9\.weight'):
        convert_refinenet({'segm.bias': torch.zeros(1), 'conv9.weight': torch.zeros(1)})
    with pytest.raises(UserError, match='adapt_stage1_b2'):  # the coarsest stage has no fusion
        convert_refinenet({'adapt_stage1_b2_joint_varout_dimred.weight': torch.zeros(1)})
