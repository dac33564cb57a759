"""FCN-32s, 16s, 8s and 8s at once under Caffe's blob names: golden scores, other seeds and sizes, refusals."""


import functools

import golden_cases
import pytest
import torch
from golden_cases import GoldenCase, golden_state_dict, rel_error
from mmengine.registry import MODELS, DefaultScope
from official_fcn import DECONVS, official_forward, official_params

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.convert import convert_state_dict
from mmseg_plugins.weights.fcn import convert_fcn
from mmseg_plugins.weights.state_dict_rules import check_matches

CASES = {'fcn32s': 32, 'fcn16s': 16, 'fcn8s': 8, 'fcn8s_atonce': 8}
SCALES = dict(skip_scales=[0.0001, 0.01])


@pytest.fixture(autouse=True)
def mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


@pytest.fixture(scope='module')
def shared_trunk():
    """The four cases have one trunk of 134 million weights: made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(golden_cases, 'golden_tensor', functools.cache(golden_cases.golden_tensor))
        yield


def segmentor(stride, *, width=64, fc=4096, classes=5, **head):
    channels = {32: [], 16: [8 * width], 8: [4 * width, 8 * width]}[stride]
    return MODELS.build(dict(
        type='EncoderDecoder',
        backbone=dict(
            type='mmseg_plugins.WithImage', net=dict(type='mmseg_plugins.FCNVGG', base_channels=width, fc_channels=fc)),
        decode_head=dict(
            type='mmseg_plugins.FCNSkipHead', in_channels=[*channels, fc, 3], num_classes=classes,
            loss_decode=dict(type='CrossEntropyLoss', reduction='sum'), **head),
        test_cfg=dict(mode='whole'))).eval()


def load(model, weights):
    converted = convert_fcn(weights)
    check_matches(converted, model.state_dict(), 'FCN')
    model.load_state_dict(converted, strict=True)
    return model


@pytest.mark.golden
@pytest.mark.parametrize('name', list(CASES))
def test_golden_case(name, shared_trunk):
    case, stride = GoldenCase(name), CASES[name]
    with torch.device('meta'):  # no first weights: those of the case take their place
        model = segmentor(stride, width=case.width('conv1_1'), fc=case.width('fc6'),
                          classes=case.facts['config']['num_classes'], **(SCALES if name == 'fcn8s_atonce' else {}))
    converted = convert_fcn(case.weights)
    check_matches(converted, model.state_dict(), name)
    model.to_empty(device='cpu').load_state_dict(converted, strict=True)
    image = case.arrays['input']
    with torch.no_grad():
        maps = model.extract_feat(image)
        outputs = {'logits': model.decode_head(maps), 'score_fr': model.decode_head.score_fr(maps[-2])}
        for key in DECONVS[stride]:
            random = case.weights_of(formula_only=[f'{key}.weight' for key in DECONVS[stride]])[f'{key}.weight']
            getattr(model.decode_head, key).weight.copy_(random)
        outputs['logits_random_deconv'] = model.decode_head(maps)
    case.check(outputs)


@pytest.mark.parametrize(('stride', 'at_once'), [(32, False), (16, False), (8, False), (8, True)])
@pytest.mark.parametrize('size', [(1, 1), (33, 47), (64, 96)])
def test_other_seeds_and_sizes_agree_with_the_slow_transcription(stride, at_once, size):
    weights = golden_state_dict(official_params(stride, width=4, fc=24), seed=7, gain=2.0)
    image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(size[0]))
    model = load(segmentor(stride, width=4, fc=24, **(SCALES if at_once else {})), weights)
    with torch.no_grad():
        ours = model(image)
        assert rel_error(ours, official_forward(weights, image, stride, at_once)) < 1e-5


def test_crf_rnns_bias_in_the_first_deconvolution_is_read():
    weights = golden_state_dict(official_params(8, num_classes=21, width=2, fc=8, bias2=True), seed=2, gain=2.0)
    model = load(segmentor(8, width=2, fc=8, classes=21, upscore2_bias=True), weights)
    image = torch.randn(1, 3, 48, 60)
    with torch.no_grad():
        assert rel_error(model(image), official_forward(weights, image)) < 1e-5


def test_a_bias_that_the_model_lacks_is_refused():
    weights = golden_state_dict(official_params(8, width=2, fc=8, bias2=True), seed=2, gain=2.0)
    with pytest.raises(UserError, match=r'decode_head\.upscore2\.bias'):
        load(segmentor(8, width=2, fc=8), weights)


def test_unknown_keys_are_listed():
    with pytest.raises(UserError) as error:
        convert_fcn({'conv5_4.weight': torch.zeros(1), 'fc8.bias': torch.zeros(1)})
    assert 'conv5_4.weight' in str(error.value)
    assert 'fc8.bias' in str(error.value)


def test_both_names_of_a_vgg_lead_to_one_trunk_and_the_last_layer_is_told():
    official = official_params(32, width=2, fc=6)
    caffe = {name: shape for name, shape in official.items() if name.startswith('conv')}
    caffe |= {'fc6.weight': (6, 784), 'fc6.bias': (6, ), 'fc7.weight': (6, 6), 'fc7.bias': (6, ), 'fc8.weight': (5, 6)}
    positions = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    torchvision = {f'features.{i}.{part}': shape for (i, part), shape in zip(
        ((i, part) for i in positions for part in ('weight', 'bias')), caffe.values(), strict=False)}
    torchvision |= {'classifier.0.weight': (6, 784), 'classifier.0.bias': (6, ), 'classifier.3.weight': (6, 6),
                    'classifier.3.bias': (6, ), 'classifier.6.weight': (5, 6)}
    wanted = MODELS.build(dict(type='mmseg_plugins.FCNVGG', base_channels=2, fc_channels=6)).state_dict()
    for params, last in ((caffe, 'fc8.weight'), (torchvision, 'classifier.6.weight')):
        converted, left_out = convert_state_dict('vgg16-fcn', golden_state_dict(params, seed=0, gain=1.0))
        check_matches(converted, wanted, 'FCNVGG')
        assert left_out == [last]
    with pytest.raises(UserError, match=r'layer1\.weight'):
        convert_state_dict('vgg16-fcn', {'layer1.weight': torch.zeros(1)})
