"""FCN's VGG: sizes for any image, torchvision's classifier as convolutions, what is dropped, errors."""

import pytest
import torch
from golden_cases import rel_error
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from mmseg_plugins.models.backbones import FCNVGG, WithImage


def tiny(**kwargs):
    return FCNVGG(11, base_channels=1, fc_channels=4, **kwargs).eval()


@pytest.mark.parametrize(('side', 'cells'), [(1, 1), (32, 2), (97, 4), (224, 8), (375, 12), (500, 16)])
def test_padding_of_100_gives_scores_to_any_image(side, cells):
    with torch.no_grad():
        maps = tiny()(torch.zeros(1, 3, side, 1))
    assert (maps[2].shape[2], maps[2].shape[3]) == (cells, 1)
    assert [len(m[0]) for m in maps] == [4, 8, 4]


@pytest.mark.parametrize('side', [1, 33, 64, 90])
def test_padded_in_front_of_fc6_the_maps_have_their_usual_sizes(side):
    with torch.no_grad():
        maps = tiny(first_padding=1, fc_padding=3)(torch.zeros(1, 3, side, side))
    assert [m.shape[-1] for m in maps] == [-(-side // stride) for stride in (8, 16, 32)]


def classifier(width=2, fc=6, classes=5):
    """A VGG-11 under torchvision's names."""
    weights = {key: torch.randn_like(value) for key, value in FCNVGG(11, base_channels=width, fc_channels=fc)
               .state_dict().items() if key.startswith('features')}
    for name, out, inp in (('0', fc, 8 * width * 49), ('3', fc, fc), ('6', classes, fc)):
        weights[f'classifier.{name}.weight'] = torch.randn(out, inp)
        weights[f'classifier.{name}.bias'] = torch.randn(out)
    return weights


def test_torchvisions_classifier_becomes_convolutions_with_the_same_values():
    torch.manual_seed(0)
    weights = classifier()
    net = FCNVGG(11, base_channels=2, fc_channels=6, first_padding=1)
    result = nn.Module.load_state_dict(net, {k: v for k, v in weights.items() if 'classifier.6' not in k}, strict=True)
    assert not result.missing_keys
    image = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        x = net.features(image).flatten(1)
        for name in ('0', '3'):
            x = nn.functional.linear(x, weights[f'classifier.{name}.weight'], weights[f'classifier.{name}.bias']).relu()
        assert x.any()
        assert rel_error(net.eval()(image)[-1].flatten(1), x) < 1e-5


def test_pretrained_weights_reach_the_trunk_inside_a_wrapper(tmp_path):
    weights = classifier()
    torch.save(weights, tmp_path / 'vgg11.pth')
    net = WithImage(net=dict(
        type='mmseg_plugins.FCNVGG', depth=11, base_channels=2, fc_channels=6,
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'vgg11.pth'))))
    net.init_weights()
    assert torch.equal(net.net.fc6.weight.flatten(1), weights['classifier.0.weight'])
    assert torch.equal(net.net.fc7.bias, weights['classifier.3.bias'])
    assert torch.equal(net.net.features[0].weight, weights['features.0.weight'])


def test_the_last_layer_of_the_classifier_is_reported_not_hidden(capsys):
    load_state_dict(FCNVGG(11, base_channels=2, fc_channels=6), classifier(), strict=False)
    assert 'classifier.6.weight, classifier.6.bias' in capsys.readouterr().out
    with pytest.raises(RuntimeError, match=r'classifier\.6'):
        load_state_dict(FCNVGG(11, base_channels=2, fc_channels=6), classifier(), strict=True)


def test_own_checkpoints_load_strictly():
    one, other = FCNVGG(11, base_channels=1, fc_channels=4), FCNVGG(11, base_channels=1, fc_channels=4)
    other.load_state_dict(one.state_dict(), strict=True)
    assert torch.equal(one.fc6.weight, other.fc6.weight)


@pytest.mark.parametrize(('dropout', 'whole_channels'), [('element', False), ('channel', True)])
def test_dropout_is_caffes_or_the_ports(dropout, whole_channels):
    torch.manual_seed(0)
    layer = FCNVGG(11, base_channels=1, fc_channels=4, dropout=dropout).train().dropout
    share = (layer(torch.ones(1, 64, 8, 8)) == 0).float().mean((2, 3))
    assert (((share == 0) | (share == 1)).all().item()) is whole_channels


def test_batch_norm_everywhere_when_asked():
    net = FCNVGG(11, base_channels=1, fc_channels=4, with_bn=True)
    assert isinstance(net.norm6, nn.BatchNorm2d)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in net.modules()) == 8 + 2


def test_feeds_mmdets_pyramid_where_its_strides_fit():
    from mmdet.models.necks import FPN

    net = tiny(first_padding=1, fc_padding=3)
    with torch.no_grad():
        levels = FPN([4, 8, 4], 8, num_outs=3)(net(torch.randn(1, 3, 64, 96)))
    assert [tuple(level.shape[2:]) for level in levels] == [(8, 12), (4, 6), (2, 3)]


def test_errors_name_the_sizes_and_the_fix():
    with pytest.raises(ValueError, match=r'64 x 300 px leaves 2 x 10 cells.*needs 7.*raise one'):
        tiny(first_padding=1)(torch.zeros(1, 3, 64, 300))
    with pytest.raises(ValueError, match=r"dropout='row'.*channel.*element"):
        tiny(dropout='row')
