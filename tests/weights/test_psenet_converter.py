"""The released PSENet checkpoint against the config for it: every key, the logits, every refusal."""


import pytest
import torch
from golden_cases import golden_state_dict, rel_error
from mmdet.registry import MODELS
from mmengine.registry import DefaultScope
from official_psenet import official_forward, official_params
from tiny_models import CONFIGS

from mmseg_plugins.config.load import load_config
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.psenet import convert_psenet
from mmseg_plugins.weights.state_dict_rules import check_matches

CONFIG = CONFIGS / 'psenet/psenet_r50-deepstem-k7_600e_ctw1500.py'


@pytest.fixture(scope='module')
def official():
    return golden_state_dict(official_params(), seed=3, gain=1.0)


def test_the_whole_network_gives_the_same_logits(official):
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(load_config(CONFIG).model)
    converted = convert_psenet(official)
    check_matches(converted, model.state_dict(), 'the released setting')
    assert len(converted) == len(official)
    model.load_state_dict(converted, strict=True)
    torch.manual_seed(0)
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        ours = model.eval().mask_head(model.extract_feat(image))[0]
        assert rel_error(ours, official_forward(official, image)) < 3.2e-5


def test_names_of_data_parallel_runs_are_read(official):
    wrapped = convert_psenet({f'module.{name}': value for name, value in official.items()})
    assert wrapped.keys() == convert_psenet(official).keys()


def test_unknown_keys_are_listed():
    with pytest.raises(UserError) as error:
        convert_psenet({'fpn.smooth4_.conv.weight': torch.zeros(1), 'backbone.fc.weight': torch.zeros(1)})
    assert 'fpn.smooth4_.conv.weight' in str(error.value)
    assert 'backbone.fc.weight' in str(error.value)
