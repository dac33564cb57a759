"""DeepLab's converters: both ports of v1, whole models and starts of v2, VGG-16's classifier, every refusal."""


import pytest
import torch
from golden_cases import golden_state_dict
from slow_deeplab import largefov_params, resnet_params

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.convert import convert_state_dict
from mmseg_plugins.weights.deeplabv1 import convert_largefov
from mmseg_plugins.weights.deeplabv2 import convert_deeplabv2
from mmseg_plugins.weights.vgg16 import subsample_vgg16


def equal(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_other_port_of_v1_gives_the_same_model():
    one = golden_state_dict(largefov_params(2, 4), seed=1, gain=1.0)
    names = {'32': 'classifier.1', '35': 'classifier.3', '38': 'classifier.6'}
    other = {}
    for name, value in one.items():
        _, number, param = name.split('.')
        other[f'module.{names.get(number, f"features.{number}")}.{param}'] = value
    assert equal(convert_largefov(one), convert_largefov(other))
    assert len(convert_largefov(one)) == len(one)


def test_v2_is_read_with_and_without_what_wraps_it():
    weights = golden_state_dict(resnet_params((1, 1, 2, 1), 2), seed=1, gain=1.0)
    bare = {name.removeprefix('base.'): value for name, value in weights.items()}
    wrapped = {f'module.{name}': value for name, value in weights.items()}
    assert equal(convert_deeplabv2(weights), convert_deeplabv2(bare))
    assert equal(convert_deeplabv2(weights), convert_deeplabv2(wrapped))
    assert len(convert_deeplabv2(weights)) == len(weights)


def start(weights):
    return convert_state_dict('deeplabv2-kazuto1011-backbone', weights)[0]


def test_a_start_leaves_classifiers_out_and_nothing_else():
    weights = golden_state_dict(resnet_params((1, 1, 2, 1), 2), seed=1, gain=1.0)
    whole = convert_deeplabv2(weights)
    trunk = {name: value for name, value in whole.items() if name.startswith('backbone.')}
    assert equal(start(weights), trunk)
    coco = {name.removeprefix('base.'): value for name, value in weights.items() if 'aspp' not in name}
    coco |= {'fc.weight': torch.zeros(91, 64, 1, 1), 'fc.bias': torch.zeros(91)}
    assert equal(start(coco), trunk)
    with pytest.raises(UserError, match=r'fc\.weight'):
        convert_deeplabv2(coco)
    with pytest.raises(UserError, match=r'layer6\.block1'):
        start({**coco, 'layer6.block1.reduce.conv.weight': torch.zeros(1)})


def vgg16(filters=16, maps=8):
    shapes = {f'features.{i}.weight': (4, 3, 3, 3) for i in (0, 2)} | {f'features.{i}.bias': (4, ) for i in (0, 2)}
    for i, shape in ((0, (filters, maps * 49)), (3, (filters, filters))):
        shapes |= {f'classifier.{i}.weight': shape, f'classifier.{i}.bias': shape[:1]}
    return golden_state_dict(shapes, seed=1, gain=1.0)


def test_all_filters_and_cells_compute_the_classifier():
    given = vgg16()
    made = subsample_vgg16(given, channels=16, kernel_size=7)
    x = torch.randn(2, 8, 7, 7)
    fc6 = torch.nn.functional.linear(x.flatten(1), given['classifier.0.weight'], given['classifier.0.bias'])
    fc7 = torch.nn.functional.linear(fc6.relu(), given['classifier.3.weight'], given['classifier.3.bias'])
    ours = torch.nn.functional.conv2d(x, made['decode_head.fc6.0.conv.weight'], made['decode_head.fc6.0.conv.bias'])
    ours = torch.nn.functional.conv2d(ours.relu(), made['decode_head.fc7.0.conv.weight'],
                                      made['decode_head.fc7.0.conv.bias'])
    torch.testing.assert_close(ours[..., 0, 0], fc7)


@pytest.mark.parametrize(('kernel', 'places'), [(3, [0, 3, 6]), (4, [0, 2, 4, 6])])
def test_cells_and_filters_are_decimated_alike_in_both_layers(kernel, places):
    given = vgg16()
    made = subsample_vgg16(given, branches=2, channels=5, kernel_size=kernel)
    assert torch.equal(made['backbone.features.2.weight'], given['features.2.weight'])
    kept = []
    for branch in (0, 1):
        bias = made[f'decode_head.fc6.{branch}.conv.bias']
        rows = [given['classifier.0.bias'].tolist().index(value) for value in bias.tolist()]
        cells = given['classifier.0.weight'].view(16, 8, 7, 7)[rows][:, :, places][..., places]
        assert torch.equal(made[f'decode_head.fc6.{branch}.conv.weight'], cells)
        square = given['classifier.3.weight'][rows][:, rows]
        assert torch.equal(made[f'decode_head.fc7.{branch}.conv.weight'][..., 0, 0], square)
        kept.append(rows)
    assert kept[0] != kept[1]
    assert not any('fc8' in name or 'classifier' in name for name in made)
    assert not equal(made, subsample_vgg16(given, branches=2, channels=5, kernel_size=kernel, seed=1))


@pytest.mark.parametrize(('broken', 'words'), [
    (dict(), r'\[None, None\]'),
    ({'classifier.0.weight': torch.zeros(2, 48)}, r'the shape \(2, 48\)'),
    ({'fc6.weight': torch.zeros(2, 49), 'fc7.weight': torch.zeros(3, 3)}, r'\(3, 3, 1, 1\)'),
    ({'fc.weight': torch.zeros(1)}, 'fc.weight'),
])
def test_other_weights_are_refused(broken, words):
    with pytest.raises(UserError, match=words):
        subsample_vgg16(broken)


def test_more_filters_than_there_are_are_refused():
    with pytest.raises(UserError, match='channels=17, but fc6 has 16'):
        subsample_vgg16(vgg16(), channels=17)


def test_unknown_keys_are_listed():
    with pytest.raises(UserError, match=r'features\.31\.weight'):
        convert_largefov({'features.31.weight': torch.zeros(1)})
