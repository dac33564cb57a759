"""The port's FC-DenseNet through the strict converter: the golden numbers, other seeds and sizes, parameter counts."""


import pytest
import torch
from golden_cases import GoldenCase, golden_state_dict, rel_error
from mmengine.registry import DefaultScope
from official_fc_densenet import NETS, port_forward, port_params

from mmseg_plugins.models.backbones import FCDenseNet
from mmseg_plugins.models.decode_heads import FCDenseNetHead
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.fc_densenet import convert_fc_densenet
from mmseg_plugins.weights.state_dict_rules import check_matches


class Net(torch.nn.Module):
    """Backbone and head under the names that a segmentor gives them."""

    def __init__(self, growth, down, bottleneck, up, num_classes, stem=48, **kwargs):
        super().__init__()
        self.backbone = FCDenseNet(growth, down_layers=down, bottleneck_layers=bottleneck,
                                   stem_channels=stem, **kwargs)
        with DefaultScope.overwrite_default_scope('mmseg'):
            self.decode_head = FCDenseNetHead(
                self.backbone.out_channels, num_classes=num_classes, growth_rate=growth, up_layers=up, **kwargs)

    def forward(self, x):
        maps = self.backbone(x)
        return maps[-1], self.decode_head(maps)


def loaded(weights, layout, num_classes, **kwargs):
    net = Net(*layout, num_classes, **kwargs)
    converted = convert_fc_densenet(weights)
    check_matches(converted, net.state_dict(), 'FC-DenseNet')
    assert len(converted) == len(weights)
    net.load_state_dict(converted, strict=True)
    return net.eval()


@pytest.mark.golden
@pytest.mark.parametrize('depth', [56, 103])
def test_golden_numbers_with_running_and_with_batch_statistics(depth):
    case = GoldenCase(f'fc_densenet{depth}')
    config = case.facts['config']
    layout = (config['growth_rate'], tuple(config['down_layers']), config['bottleneck_layers'],
              tuple(config['up_layers']))
    classes, stem = config['num_classes'], config['first_conv_channels']
    names = {name: tuple(shape) for name, shape in case.facts['params'].items()}
    assert names == port_params(*layout, classes, stem=stem)
    image = case.arrays['input']
    outputs = {}
    with torch.no_grad():
        net = loaded(case.weights, layout, classes, stem=stem)
        outputs['bottleneck_running'], outputs['logits_running'] = net(image)
        net = loaded(case.weights, layout, classes, stem=stem, batch_statistics=True)
        before = {name: value.clone() for name, value in net.state_dict().items()}
        outputs['bottleneck_batch'], outputs['logits_batch'] = net(image)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    outputs['log_probs_running'] = outputs['logits_running'].log_softmax(1)
    case.check(outputs)


@pytest.mark.parametrize('batch_statistics', [False, True])
@pytest.mark.parametrize(('seed', 'size', 'layout'), [
    (2, (33, 47), (4, (2, 3, 1), 2, (1, 2, 3))),
    (3, (20, 12), (3, (1, 2), 3, (2, 2))),
    (4, (35, 50), (5, (2, 1, 1, 2, 1), 1, (1, 1, 1, 1, 2))),
])
def test_other_seeds_sizes_and_layouts(seed, size, layout, batch_statistics):
    weights = golden_state_dict(port_params(*layout, 6), seed, 2.0)
    image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        ours = loaded(weights, layout, 6, batch_statistics=batch_statistics)(image)
    for one, other in zip(ours, port_forward(weights, image, batch_statistics), strict=True):
        assert rel_error(one, other) < 2e-5
    assert ours[1].shape == (2, 6, *size)


@pytest.mark.parametrize(('depth', 'millions'), [(56, 1.377), (67, 3.463), (103, 9.322)])
def test_number_of_parameters(depth, millions):
    with torch.device('meta'):
        net = Net(*NETS[depth], 11)
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(millions, abs=5e-4)


def test_the_void_class_can_be_left_out_and_unknown_keys_are_listed():
    layout = (2, (1, 1), 1, (1, 1))
    weights = golden_state_dict(port_params(*layout, 12), 1, 2.0)
    eleven = convert_fc_densenet({f'module.{name}': value for name, value in weights.items()}, drop_last_class=True)
    assert torch.equal(eleven['decode_head.score.weight'], weights['finalConv.weight'][:11])
    assert torch.equal(eleven['decode_head.score.bias'], weights['finalConv.bias'][:11])
    with pytest.raises(UserError, match=r'transUpBlocks\.0\.conv\.weight'):
        convert_fc_densenet({**weights, 'transUpBlocks.0.conv.weight': torch.zeros(1)})
