"""DeepLab v3's cascade in both hosts: rates, sizes, weights, gradients, what reads it."""

import pytest
import torch
from mmdet.models import FPN
from mmengine.registry import DefaultScope
from mmseg.models import ResNet

from mmseg_plugins.models.backbones import CascadeResNet

OS16 = dict(base_channels=4, strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2))
OS8 = dict(base_channels=4, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4))


def rates(net, stage):
    """Dilations of the 3 x 3 convolutions of a stage's units that are dilated."""
    convs = [unit.conv2 if hasattr(unit, 'conv3') else unit.conv1 for unit in getattr(net, f'layer{stage}')]
    assert all(conv.padding == conv.dilation and conv.kernel_size == (3, 3) for conv in convs)
    return [conv.dilation[0] for conv in convs]


@pytest.mark.parametrize('host', ['mmdet', 'mmseg'])
def test_rates_double_and_are_multiplied_by_the_grid(host):
    net = CascadeResNet(host=host, depth=50, out_indices=(6, ), **OS16)
    assert [rates(net, stage) for stage in (3, 4, 5, 6, 7)] == [[1] * 6, [2, 4, 8], [4, 8, 16], [8, 16, 32],
                                                                 [16, 32, 64]]
    net = CascadeResNet(host=host, depth=18, multi_grid=None, extra_stages=1, out_indices=(4, ), **OS8)
    assert [rates(net, stage) for stage in (3, 4, 5)] == [[2, 2], [4, 4], [8, 8]]


def test_the_hosts_own_multi_grid_replaces_rates():
    stock = ResNet(depth=50, multi_grid=(1, 2, 4), **OS16)
    assert [unit.conv2.dilation[0] for unit in stock.layer4] == [1, 2, 4]
    ours = CascadeResNet(depth=50, extra_stages=0, out_indices=(3, ), **OS16)
    assert rates(ours, 4) == [2, 4, 8]
    stock = ResNet(depth=50, multi_grid=(2, 4, 8), out_indices=(3, ), **OS16)
    stock.load_state_dict(ours.state_dict(), strict=True)
    x = torch.randn(1, 3, 50, 67)
    with torch.no_grad():
        stock.train(False)
        ours.train(False)
        torch.testing.assert_close(ours(x), stock(x))


@pytest.mark.parametrize(('depth', 'grid', 'width'), [(18, (1, 2), 32), (50, (1, 2, 1), 128)])
@pytest.mark.parametrize(('stride', 'rows', 'columns'), [(OS16, 4, 5), (OS8, 7, 9)])
def test_extra_stages_keep_the_size_and_every_parameter_learns(depth, grid, width, stride, rows, columns):
    net = CascadeResNet(depth=depth, multi_grid=grid, out_indices=(3, 4, 6), **stride)
    outs = net(torch.randn(2, 3, 50, 67))
    assert [tuple(out.shape) for out in outs] == [(2, width, rows, columns)] * 3
    outs[-1].square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


def test_extra_stages_begin_as_the_identity():
    net = CascadeResNet(depth=50, out_indices=(3, 6), **OS16)
    net.init_weights()
    net.train(False)
    with torch.no_grad():
        last, cascade = net(torch.randn(1, 3, 64, 64))
    assert torch.equal(last, cascade)
    conv = net.layer7[0].conv2.weight
    assert conv.std().item() == pytest.approx((2 / conv[:, 0].numel())**0.5, rel=0.1)


def test_checkpoints_of_four_stages_load_and_name_only_the_new_stages_as_missing():
    net = CascadeResNet(depth=50, out_indices=(6, ), **OS16)
    result = net.load_state_dict(ResNet(depth=50, base_channels=4).state_dict(), strict=False)
    assert not result.unexpected_keys
    assert {key.split('.')[0] for key in result.missing_keys} == {'layer5', 'layer6', 'layer7'}


def test_norms_are_frozen_as_the_host_freezes_them():
    net = CascadeResNet(depth=18, multi_grid=(1, 1), out_indices=(6, ), norm_eval=True, **OS16)
    net.train()
    assert not any(m.training for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d))


def test_a_pyramid_of_mmdet_reads_it():
    with DefaultScope.overwrite_default_scope('mmdet'):
        net = CascadeResNet(host='mmdet', depth=50, out_indices=(0, 1, 2, 6), **OS16)
        neck = FPN([16, 32, 64, 128], 8, 5)
    outs = neck(net(torch.randn(1, 3, 64, 64)))
    assert [out.shape[-1] for out in outs] == [16, 8, 4, 4, 2]


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(host='timm', depth=18), "host='timm'"),
    (dict(depth=18), r'multi_grid=\(1, 2, 4\) needs 2 numbers.*depth 18'),
    (dict(depth=50, extra_stages=1), r'out_indices=\(0, 1, 2, 6\) must be stages of 0..4'),
])
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError, match=words):
        CascadeResNet(**kwargs)
