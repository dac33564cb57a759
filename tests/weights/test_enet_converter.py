"""The port's ENet through the strict converter: the golden numbers, other seeds and odd sizes, every refusal."""


import pytest
import torch
from golden_cases import GoldenCase, golden_state_dict, rel_error
from mmengine.registry import DefaultScope
from official_enet import port_forward, port_params

from mmseg_plugins.models.backbones import ENet
from mmseg_plugins.models.decode_heads import ENetHead
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.enet import convert_enet
from mmseg_plugins.weights.state_dict_rules import check_matches

MAPS = [16, 64, 128, 16, 64]


class Net(torch.nn.Module):
    """Backbone and head under the names that a segmentor gives them."""

    def __init__(self, num_classes):
        super().__init__()
        self.backbone = ENet('port')
        with DefaultScope.overwrite_default_scope('mmseg'):
            self.decode_head = ENetHead([*MAPS, 3], num_classes=num_classes, variant='port')

    def forward(self, x):
        maps = self.backbone(x)
        return maps[2], self.decode_head((*maps, x))


def loaded(weights, num_classes):
    net = Net(num_classes)
    converted = convert_enet(weights, backbone='backbone')
    check_matches(converted, net.state_dict(), 'ENet')
    assert len(converted) == len(weights)
    net.load_state_dict(converted, strict=True)
    return net.eval()


@pytest.mark.golden
def test_golden_numbers():
    case = GoldenCase('enet')
    with torch.no_grad():
        encoder, logits = loaded(case.weights, case.facts['config']['num_classes'])(case.arrays['input'])
    case.check(dict(encoder=encoder, logits=logits))


@pytest.mark.golden
def test_the_slow_transcription_agrees_with_the_golden_numbers():
    case = GoldenCase('enet')
    encoder, logits = port_forward(case.weights, case.arrays['input'])
    case.check(dict(encoder=encoder, logits=logits))
    classes = case.facts['config']['num_classes']
    assert {name: tuple(shape) for name, shape in case.facts['params'].items()} == port_params(classes)


@pytest.mark.parametrize(('seed', 'size'), [(2, (64, 64)), (3, (45, 61)), (4, (50, 38)), (5, (47, 9))])
def test_other_seeds_and_odd_sizes(seed, size):
    weights = golden_state_dict(port_params(7), seed, 0.6)
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        ours = loaded(weights, 7)(image)
    for one, other in zip(ours, port_forward(weights, image), strict=True):
        assert rel_error(one, other) < 1e-5
    assert ours[1].shape[-2:] == image.shape[-2:]


def test_number_of_parameters_is_the_ports():
    assert sum(p.numel() for p in Net(12).parameters()) == pytest.approx(0.3507e6, abs=50)


def test_the_unlabelled_class_can_be_left_out():
    weights = golden_state_dict(port_params(12), 1, 0.6)
    image = torch.randn(1, 3, 32, 32)
    eleven = convert_enet(weights, backbone='backbone', drop_last_class=True)
    net = Net(11)
    net.load_state_dict(eleven, strict=True)
    with torch.no_grad():
        assert rel_error(net.eval()(image)[1], port_forward(weights, image)[1][:, :11]) < 1e-5


def test_unknown_keys_are_listed_and_wrapped_names_read():
    weights = golden_state_dict(port_params(5), 1, 0.6)
    wrapped = convert_enet({f'module.{name}': value for name, value in weights.items()})
    assert wrapped.keys() == convert_enet(weights).keys()
    assert 'backbone.net.stage3.0.reduce.0.weight' in wrapped
    with pytest.raises(UserError) as error:
        convert_enet({'regular6_0.ext_conv1.0.weight': torch.zeros(1), 'classifier.weight': torch.zeros(1)})
    assert 'regular6_0.ext_conv1.0.weight' in str(error.value)
    assert 'classifier.weight' in str(error.value)
