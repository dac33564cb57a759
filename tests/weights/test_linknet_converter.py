"""LinkNet under the names of both of its classes: golden scores, another seed and size, refusals."""


import pytest
import torch
from golden_cases import GoldenCase, golden_state_dict, rel_error
from mmengine.registry import MODELS, DefaultScope
from official_linknet import official_forward, official_params
from tiny_models import CONFIGS

from mmseg_plugins.config.load import load_config
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.linknet import convert_linknet
from mmseg_plugins.weights.state_dict_rules import check_matches

CONFIG = CONFIGS / 'linknet/linknet_r18_300e-768x576_camvid.py'


def build(num_classes):
    with DefaultScope.overwrite_default_scope('mmseg'):
        cfg = load_config(CONFIG).model
        cfg.decode_head.num_classes = num_classes
        cfg.decode_head.loss_decode.class_weight = None
        return MODELS.build(cfg).eval()


@pytest.fixture
def model():
    return build(5)


def load(model, weights):
    converted = convert_linknet(weights)
    check_matches(converted, model.state_dict(), 'LinkNet')
    assert len(converted) == len(weights)
    model.load_state_dict(converted, strict=True)
    return model


@pytest.mark.golden
def test_golden_case():
    case = GoldenCase('linknet')
    model = load(build(case.facts['config']['num_classes']), case.weights)
    with torch.no_grad():
        maps = model.extract_feat(case.arrays['input'])
        logits = model.decode_head(maps)
        case.check({'decoder4': model.decode_head.decoder4(maps[-1]), 'logits': logits,
                    'log_probs': logits.log_softmax(1)})


def test_another_seed_and_size_agree_with_the_slow_transcription(model):
    weights = golden_state_dict(official_params(), seed=5, gain=2.0)
    image = torch.randn(2, 3, 64, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours = load(model, {f'module.{key}': value for key, value in weights.items()})(image)
        assert rel_error(ours, official_forward(weights, image)) < 1e-5


@pytest.mark.golden
def test_the_names_of_both_classes_are_those_of_the_case():
    facts = GoldenCase('linknet').facts
    own, residual = facts['params'], facts['alternative_params_LinkNet']['params']
    for torchvision, stored in ((False, own), (True, residual)):
        params = official_params(facts['config']['num_classes'], torchvision=torchvision)
        assert {key: list(shape) for key, shape in params.items()} == stored


def test_torchvisions_names_lead_to_the_same_places(model):
    own, residual = (golden_state_dict(official_params(torchvision=flag), seed=0, gain=1.0) for flag in (False, True))
    assert list(convert_linknet(own)) == list(convert_linknet(residual))
    load(model, residual)


def test_mixed_and_unknown_names_are_listed():
    one = torch.zeros(1)
    with pytest.raises(UserError) as error:
        convert_linknet({'conv1.weight': one, 'in_block.0.weight': one, 'decoder5.conv1.0.weight': one})
    assert 'in_block.0.weight' in str(error.value)
    assert 'decoder5.conv1.0.weight' in str(error.value)
