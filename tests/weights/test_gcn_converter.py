"""The global convolutional network under the port's names: golden scores, other seeds and sizes, refusals."""


import pytest
import torch
from golden_cases import RESNET_DEPTHS, GoldenCase, golden_state_dict, rel_error
from mmengine.registry import MODELS, DefaultScope
from official_gcn import gcn_forward, gcn_params

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.gcn import convert_gcn
from mmseg_plugins.weights.state_dict_rules import check_matches


@pytest.fixture(autouse=True)
def mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def loaded(weights, depth, *, width=64, classes=5, kernel_size=7):
    """The model without first weights of its own, with the converted ones."""
    with torch.device('meta'):
        model = MODELS.build(dict(
            type='EncoderDecoder',
            backbone=dict(
                type='mmseg_plugins.WithImage',
                net=dict(type='mmseg.ResNet', depth=depth, base_channels=width, stem_channels=width, style='pytorch')),
            decode_head=dict(
                type='mmseg_plugins.GlobalConvHead',
                in_channels=[*(4 * width * 2**stage for stage in range(4)), 3], num_classes=classes,
                kernel_size=kernel_size, upsample_method='bilinear',
                loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
            test_cfg=dict(mode='whole'))).eval()
    converted = convert_gcn(weights)
    check_matches(converted, model.state_dict(), 'GCN')
    model.to_empty(device='cpu').load_state_dict(converted, strict=True)
    return model


@pytest.mark.golden
def test_golden_case():
    case = GoldenCase('gcn')
    config = case.facts['config']
    model = loaded(case.weights, RESNET_DEPTHS[tuple(config['blocks'])], width=case.width('layer0.0'),
                   classes=config['num_classes'], kernel_size=config['kernel_size'])
    seen = {}
    model.decode_head.refine_maps[-1].register_forward_hook(lambda module, args, out: seen.update(brm1=out))
    with torch.no_grad():
        logits = model(case.arrays['input'])
    case.check({'logits': logits, **seen})


@pytest.mark.parametrize('kernel_size', [3, 15])
@pytest.mark.parametrize('size', [(1, 1), (33, 70), (50, 37), (64, 96)])
def test_other_seeds_kernels_and_sizes_agree_with_the_slow_transcription(size, kernel_size):
    params = gcn_params((3, 4, 6, 3), width=2, num_classes=3, kernel_size=kernel_size)
    weights = golden_state_dict(params, seed=kernel_size, gain=1.0)
    model = loaded(weights, 50, width=2, classes=3, kernel_size=kernel_size)
    image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(size[0]))
    with torch.no_grad():
        ours = model(image)
    assert ours.shape == (2, 3, *size)
    assert rel_error(ours, gcn_forward(weights, image)[0]) < 1e-5


@pytest.mark.golden
def test_our_table_of_names_is_that_of_the_golden_case():
    case = GoldenCase('gcn')
    config = case.facts['config']
    stored = {key: tuple(shape) for key, shape in case.facts['params'].items()}
    ours = gcn_params(tuple(config['blocks']), width=case.width('layer0.0'), num_classes=config['num_classes'],
                      kernel_size=config['kernel_size'])
    assert ours == stored


def test_wrapped_names_and_missing_batch_counters_of_old_files_are_read():
    weights = golden_state_dict(gcn_params((3, 4, 6, 3), width=2, num_classes=3), seed=0, gain=1.0)
    old = {f'module.{key}': value for key, value in weights.items() if not key.endswith('num_batches_tracked')}
    assert convert_gcn(old).keys() == convert_gcn(weights).keys()


def test_unknown_names_are_listed():
    with pytest.raises(UserError, match='gcm5'):
        convert_gcn({'gcm5.conv_l1.bias': torch.zeros(1)})
    with pytest.raises(UserError, match=r'layer1\.0\.conv1'):  # layer1.0 is the pooling
        convert_gcn({'layer1.0.conv1.weight': torch.zeros(1)})
