"""ENet's encoder: both variants, their sizes and indices, the original's rules, and other hosts' heads on its maps."""

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn
from torch.nn import functional as F

from mmseg_plugins.models.backbones import ENet


def shapes(outs):
    return [tuple(out.shape[1:]) for out in outs]


@pytest.mark.parametrize('variant', ['paper', 'port'])
def test_maps_and_indices_of_an_even_image(variant):
    outs = ENet(variant)(torch.randn(1, 3, 64, 96))
    assert shapes(outs) == [(16, 32, 48), (64, 16, 24), (128, 8, 12), (16, 16, 24), (64, 8, 12)]
    assert [out.dtype for out in outs[3:]] == [torch.int64] * 2
    assert len(ENet(variant, with_indices=False)(torch.randn(1, 3, 64, 96))) == 3


def test_odd_sizes_are_rounded_up_in_the_paper_s_variant_and_down_after_the_first_block_in_the_port():
    image = torch.randn(1, 3, 45, 59)  # 23 x 30 after the first block
    assert shapes(ENet('paper', base_channels=4)(image)[:3]) == [(4, 23, 30), (16, 12, 15), (32, 6, 8)]
    assert shapes(ENet('port', base_channels=4)(image)[:3]) == [(4, 23, 30), (16, 11, 15), (32, 5, 7)]


def test_indices_are_the_places_of_the_maxima():
    net = ENet('paper', base_channels=4).eval()
    with torch.no_grad():
        first, _, _, indices, _ = net(torch.randn(2, 3, 40, 56))
        pooled = F.max_pool2d(first, 2)
    assert torch.equal(first.flatten(2).gather(2, indices.flatten(2)).view_as(pooled), pooled)


def slow_paper_block(block, x, dilation):
    """A bottleneck of the Torch 7 original from its description; ``dilation`` 0 is the 5-wide one, -1 halves."""

    def norm(layer, x):
        return F.batch_norm(x, layer.running_mean, layer.running_var, layer.weight, layer.bias, eps=1e-3)

    def prelu(layer, x):
        assert layer.weight.numel() == x.shape[1]  # one slope a channel
        return x.clamp(min=0) + layer.weight[:, None, None] * x.clamp(max=0)

    convs = [m for m in block.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in block.modules() if isinstance(m, nn.BatchNorm2d)]
    slopes = [m for m in block.modules() if isinstance(m, nn.PReLU)]
    assert len(norms) == len(slopes) == 3
    y = prelu(slopes[0], norm(norms[0], F.conv2d(x, convs[0].weight, stride=2 if dilation < 0 else 1)))
    if dilation == 0:
        assert convs[1].kernel_size == (1, 5)
        assert convs[1].bias is None
        y = F.conv2d(F.conv2d(y, convs[1].weight, padding=(0, 2)), convs[2].weight, convs[2].bias, padding=(2, 0))
    else:
        step = max(dilation, 1)
        y = F.conv2d(y, convs[1].weight, convs[1].bias, padding=step, dilation=step)
    y = norm(norms[2], F.conv2d(prelu(slopes[1], norm(norms[1], y)), convs[-1].weight))
    if dilation < 0:
        x = F.max_pool2d(x, 2)
        x = torch.cat([x, torch.zeros(len(x), y.shape[1] - x.shape[1], *y.shape[2:])], 1)
    return prelu(slopes[2], x + y)


def test_the_paper_s_variant_is_the_original_s_blocks():
    torch.manual_seed(0)
    net = ENet('paper', base_channels=8)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
        elif isinstance(module, nn.PReLU):
            module.weight.data.uniform_(0, 0.5)
    net.eval()
    image = torch.randn(1, 3, 48, 64)
    with torch.no_grad():
        first, second, third, *_ = net(image)
        x = F.conv2d(image, net.initial.conv.weight, net.initial.conv.bias, 2, 1)
        x = torch.cat([x, F.max_pool2d(image, 2)], 1)
        x = F.prelu(net.initial.norm(x), net.initial.act.weight)
        torch.testing.assert_close(first, x)
        x = slow_paper_block(net.down1, x, -1)
        for block in net.stage1:
            x = slow_paper_block(block, x, 1)
        torch.testing.assert_close(second, x, rtol=1e-4, atol=1e-5)
        x = slow_paper_block(net.down2, x, -1)
        for stage in (net.stage2, net.stage3):
            for block, dilation in zip(stage, (1, 2, 0, 4, 1, 8, 0, 16), strict=True):
                x = slow_paper_block(block, x, dilation)
    torch.testing.assert_close(third, x, rtol=1e-4, atol=1e-5)


def test_dropout_grows_after_the_first_five_bottlenecks():
    shares = [module.p for module in ENet().modules() if isinstance(module, nn.Dropout2d)]
    assert shares == [0.01] * 5 + [0.1] * 17


def test_blocks_that_halve_are_inside_as_wide_as_the_variant_says():
    assert [ENet(v).down1.reduce[0].out_channels for v in ('paper', 'port')] == [16, 4]


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(variant='lua'), ["variant='lua'", "['paper', 'port']"]),
    (dict(base_channels=6), ['base_channels=6', 'multiple of 4']),
])
def test_wrong_settings_are_named(kwargs, words):
    with pytest.raises(ValueError, match='ENet') as error:
        ENet(**kwargs)
    assert all(word in str(error.value) for word in words)


def test_an_image_of_one_pixel_is_refused_with_the_size_to_pad_to():
    with pytest.raises(ValueError, match=r'1 x 1 px .* at least 8 x 8'):
        ENet('port')(torch.zeros(1, 3, 1, 1))
    assert ENet('paper').eval()(torch.zeros(1, 3, 1, 1))[2].shape == (1, 128, 1, 1)


def test_its_maps_feed_a_detector_s_pyramid_and_head():
    from mmdet.registry import MODELS

    with DefaultScope.overwrite_default_scope('mmdet'):
        neck = MODELS.build(dict(type='FPN', in_channels=[16, 32], out_channels=8, num_outs=3, start_level=0))
        head = MODELS.build(dict(
            type='RPNHead', in_channels=8, feat_channels=8,
            anchor_generator=dict(type='AnchorGenerator', scales=[4], ratios=[1.0], strides=[4, 8, 16])))
    maps = ENet('paper', base_channels=4, with_indices=False)(torch.randn(1, 3, 64, 64))[1:]
    scores, boxes = head(neck(maps))
    assert [score.shape[-1] for score in scores] == [16, 8, 4]
    sum(value.sum() for value in (*scores, *boxes)).backward()
