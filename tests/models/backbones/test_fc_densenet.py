"""FC-DenseNet's downward path: sizes, first weights, dropout, what is not built, other hosts' heads, errors."""

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from mmseg_plugins.models.backbones import FCDenseNet


def test_channels_are_those_of_the_original_s_blocks():
    with torch.device('meta'):
        net = FCDenseNet(16)
    assert net.out_channels == [112, 192, 304, 464, 656, 240]


def test_sizes_are_halved_rounding_down():
    net = FCDenseNet(3, down_layers=(2, 1, 2), bottleneck_layers=2, stem_channels=5)
    outs = net(torch.randn(2, 3, 29, 36))
    assert [tuple(out.shape) for out in outs] == [(2, 11, 29, 36), (2, 14, 14, 18), (2, 20, 7, 9), (2, 6, 3, 4)]
    assert net.out_channels == [11, 14, 20, 6]


def test_first_weights_are_hes_uniform_and_biases_zero():
    net = FCDenseNet(16, down_layers=(2, ), bottleneck_layers=1)
    net.init_weights()
    weight = net.blocks[0].layers[1].conv.weight.detach()
    bound = (6 / (weight.shape[1] * 9))**0.5
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
    assert all(m.bias.abs().max() == 0 for m in net.modules() if isinstance(m, nn.Conv2d))


def test_dropout_stands_after_every_convolution_but_the_first():
    for kind, layer in (('element', nn.Dropout), ('channel', nn.Dropout2d)):
        net = FCDenseNet(3, down_layers=(2, 1), bottleneck_layers=2, dropout=0.3, dropout_kind=kind)
        drops = [m for m in net.modules() if isinstance(m, (nn.Dropout, nn.Dropout2d))]
        assert [(type(drop), drop.p) for drop in drops] == [(layer, 0.3)] * 7


def test_blocks_after_the_last_map_are_not_built():
    net = FCDenseNet(3, down_layers=(2, 1, 2), bottleneck_layers=2, out_indices=(1, 2))
    outs = net(torch.randn(2, 3, 16, 16))
    assert [out.shape[-1] for out in outs] == [8, 4]
    sum(out.sum() for out in outs).backward()
    assert all(p.grad is not None for p in net.parameters())


def test_its_maps_feed_a_detector_s_pyramid_and_head():
    from mmdet.registry import MODELS

    net = FCDenseNet(4, down_layers=(1, 1, 2, 1), bottleneck_layers=2, stem_channels=4, out_indices=(2, 3, 4))
    channels = net.out_channels[2:]
    with DefaultScope.overwrite_default_scope('mmdet'):
        neck = MODELS.build(dict(type='FPN', in_channels=channels, out_channels=8, num_outs=3))
        head = MODELS.build(dict(
            type='RPNHead', in_channels=8, feat_channels=8,
            anchor_generator=dict(type='AnchorGenerator', scales=[4], ratios=[1.0], strides=[4, 8, 16])))
    scores, boxes = head(neck(net(torch.randn(1, 3, 64, 64))))
    assert [score.shape[-1] for score in scores] == [16, 8, 4]
    sum(value.sum() for value in (*scores, *boxes)).backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(growth_rate=0), ['growth_rate=0', '1 or more']),
    (dict(down_layers=()), ['down_layers=()']),
    (dict(dropout_kind='pixel'), ["dropout_kind='pixel'", "['channel', 'element']"]),
    (dict(out_indices=(0, 6)), ['out_indices=(0, 6)', '0..5']),
    (dict(out_indices=(2, 1)), ['out_indices=(2, 1)', 'ascending']),
])
def test_wrong_settings_are_named(kwargs, words):
    with pytest.raises(ValueError) as error:
        FCDenseNet(**kwargs)
    assert all(word in str(error.value) for word in words)


def test_an_image_that_cannot_be_halved_often_enough_is_refused_with_the_size_to_pad_to():
    net = FCDenseNet(2, down_layers=(1, ) * 5, bottleneck_layers=1, stem_channels=2)
    for size in ((1, 1), (31, 64)):
        with pytest.raises(ValueError, match=rf'{size[0]} x {size[1]} px .* at least 32 x 32'):
            net(torch.zeros(1, 3, *size))
    assert net.eval()(torch.zeros(1, 3, 32, 32))[-1].shape[-1] == 1
