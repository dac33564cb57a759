"""CRF-RNN under its released names: golden scores before and after the layer, small copies, refusals."""


import pytest
import torch
from golden_cases import GoldenCase, golden_state_dict, rel_error
from mmengine.registry import MODELS, DefaultScope
from official_fcn import official_forward, official_params

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.crfrnn import convert_crfrnn
from mmseg_plugins.weights.state_dict_rules import check_matches

MATRICES = ('spatial_ker_weights', 'bilateral_ker_weights', 'compatibility_matrix')


@pytest.fixture(autouse=True)
def mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def segmentor(*, width=64, fc=4096, classes=21, **crf):
    return MODELS.build(dict(
        type='EncoderDecoder',
        backbone=dict(
            type='mmseg_plugins.WithImage', net=dict(type='mmseg_plugins.FCNVGG', base_channels=width, fc_channels=fc)),
        decode_head=dict(
            type='mmseg_plugins.CRFRNNHead', image_to_head=True, crf=crf, decode_head=dict(
                type='mmseg_plugins.FCNSkipHead', in_channels=[4 * width, 8 * width, fc, 3], num_classes=classes,
                upscore2_bias=True, learn_sums=True, loss_decode=dict(type='CrossEntropyLoss', reduction='sum'))),
        test_cfg=dict(mode='whole'))).eval()


@pytest.mark.golden
def test_golden_case():
    case = GoldenCase('crfrnn_net')
    config = case.facts['config']
    crf = {name: config[name] for name in ('alpha', 'beta', 'gamma', 'iterations')}
    with torch.device('meta'):  # no first weights: those of the case take their place
        model = segmentor(width=case.width('conv1_1'), fc=case.width('fc6'), classes=config['num_classes'], **crf)
    converted = convert_crfrnn(case.weights)
    check_matches(converted, model.state_dict(), 'CRF-RNN')
    model.to_empty(device='cpu').load_state_dict(converted, strict=True)
    model.decode_head.mean.zero_()  # no weights, so not in the file
    model.decode_head.std.fill_(1)
    with torch.no_grad():
        maps = model.extract_feat(case.arrays['input'])
        outputs = {'unary_logits': model.decode_head.unary(maps), 'logits': model.decode_head(maps)}
    case.check(outputs, partly=True)
    agreement = (outputs['logits'].argmax(1) == case.arrays['argmax']).float().mean()
    assert agreement == 1


@pytest.mark.parametrize('size', [(24, 32), (33, 47)])
def test_small_copies_agree_with_the_transcription(size):
    params = official_params(8, num_classes=4, width=4, fc=24, bias2=True)
    weights = golden_state_dict(params, seed=5, gain=2.0)
    weights.update({f'crfrnn.{name}': torch.eye(4) + 0.1 * torch.randn(4, 4) for name in MATRICES})
    model = segmentor(width=4, fc=24, classes=4)
    model.load_state_dict(convert_crfrnn(weights), strict=True)
    image = 40 * torch.randn(1, 3, *size)
    with torch.no_grad():
        unary = official_forward(weights, image)
        assert rel_error(model(image), model.decode_head.crfrnn(image, unary)) < 1e-4


def test_keys_of_another_kind_and_missing_matrices_are_listed():
    weights = golden_state_dict(
        official_params(8, num_classes=4, width=4, fc=24, bias2=True), seed=5, gain=2.0)
    with pytest.raises(UserError, match=r'decode_head\.crfrnn\.compatibility_matrix'):
        check_matches(convert_crfrnn(weights), segmentor(width=4, fc=24, classes=4).state_dict(), 'CRF-RNN')
    with pytest.raises(UserError, match=r'crfrnn\.weights'):
        convert_crfrnn({'crfrnn.weights': torch.zeros(1)})
