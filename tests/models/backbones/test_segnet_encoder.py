"""SegNet's and DeconvNet's encoders: names, sizes, indices, dropouts, norms, and their use under other hosts' parts."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS, DefaultScope
from tiny_segnet import TINY

from mmseg_plugins.models.backbones import DeconvNetEncoder, SegNetEncoder

BASIC = dict(convs=(1, 1, 1, 1), channels=(4, ) * 4, kernel_size=7)


def test_names_are_torchvisions_vgg16_bn():
    wanted, index, channels = {}, 0, 3
    for count, width in zip((2, 2, 3, 3, 3), (64, 128, 256, 512, 512), strict=True):
        for _ in range(count):
            wanted[f'features.{index}.weight'], wanted[f'features.{index}.bias'] = (width, channels, 3, 3), (width, )
            for part in ('weight', 'bias', 'running_mean', 'running_var'):
                wanted[f'features.{index + 1}.{part}'] = (width, )
            wanted[f'features.{index + 1}.num_batches_tracked'] = ()
            index, channels = index + 3, width
        index += 1
    assert {k: tuple(v.shape) for k, v in SegNetEncoder().state_dict().items()} == wanted


@pytest.mark.parametrize(('ceil_mode', 'sizes'), [
    (True, [(180, 240), (90, 120), (45, 60), (23, 30), (12, 15)]),
    (False, [(180, 240), (90, 120), (45, 60), (22, 30), (11, 15)])])
def test_camvid_s_sizes_and_indices_of_the_same_shape(ceil_mode, sizes):
    outs = SegNetEncoder(channels=TINY, ceil_mode=ceil_mode).eval()(torch.randn(1, 3, 360, 480))
    assert [tuple(out.shape[-2:]) for out in outs[:5]] == sizes
    assert [out.shape for out in outs[5:]] == [out.shape for out in outs[:5]]
    assert all(out.dtype == torch.long for out in outs[5:])


def test_lrn_is_caffes_across_channels():
    """x / (1 + alpha / n * sum of the squares of n neighbouring channels) ^ beta."""
    image = torch.randint(0, 256, (1, 3, 4, 5)).float()
    net = SegNetEncoder(**BASIC, lrn=dict(size=5, alpha=1e-4, beta=0.75))
    expected = torch.empty_like(image)
    for channel in range(3):
        near = image[:, max(channel - 2, 0):channel + 3]
        expected[:, channel] = image[:, channel] / (1 + 1e-4 / 5 * near.square().sum(1))**0.75
    torch.testing.assert_close(net.lrn(image), expected)


def test_dropout_is_after_the_pools_of_its_stages():
    net = SegNetEncoder(channels=TINY, dropout=0.999, dropout_stages=(3, 5)).train()
    maps, indices = net.encode(torch.randn(2, 3, 64, 64))
    dropped = [(m == 0).float().mean().item() > 0.9 for m in maps]
    assert dropped[2]
    assert not dropped[0]
    assert not dropped[1]
    assert dropped[4]
    assert indices[2].float().std() > 0  # places of what was there before the dropout
    maps, _ = net.eval().encode(torch.randn(2, 3, 64, 64))
    assert not any((m == 0).float().mean() > 0.9 for m in maps[:3])


def test_caffes_first_weights():
    net = SegNetEncoder(channels=(32, ) * 5)
    net.init_weights()
    conv, norm = net.features[3], net.features[4]
    assert conv.weight.std().item() == pytest.approx((2 / (32 * 9))**0.5, rel=0.05)
    assert conv.bias.abs().max() == 0
    assert norm.weight.unique().tolist() == [1]
    assert norm.bias.unique().tolist() == [pytest.approx(0.001)]


def test_eps_of_caffe_is_taken():
    net = SegNetEncoder(**BASIC, norm_cfg=dict(type='BN', eps=1e-9))
    assert {m.eps for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {1e-9}


def test_maps_feed_a_neck_and_a_head_of_mmdet():
    with DefaultScope.overwrite_default_scope('mmdet'):
        backbone = MODELS.build(dict(type='mmseg_plugins.SegNetEncoder', channels=TINY, with_indices=False))
        neck = MODELS.build(dict(type='mmdet.FPN', in_channels=list(TINY), out_channels=8, start_level=1, num_outs=4))
        head = MODELS.build(dict(
            type='mmdet.RPNHead', in_channels=8, feat_channels=8,
            anchor_generator=dict(type='mmdet.AnchorGenerator', scales=[8], ratios=[1.0], strides=[4, 8, 16, 32])))
    maps = neck(backbone(torch.randn(1, 3, 64, 96)))
    assert [tuple(m.shape[-2:]) for m in maps] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    scores, boxes = head(maps)
    assert len(scores) == len(boxes) == 4
    sum(s.sum() for s in scores + boxes).backward()
    assert all(p.grad is not None for p in backbone.parameters())


def test_any_mmseg_head_reads_a_map_next_to_the_indices():
    with DefaultScope.overwrite_default_scope('mmseg'):
        head = MODELS.build(dict(type='mmseg.FCNHead', in_channels=TINY[3], channels=4, num_convs=1, in_index=3,
                                 num_classes=5))
    assert head(SegNetEncoder(channels=TINY).eval()(torch.randn(1, 3, 64, 96))).shape == (1, 5, 4, 6)


def test_deconvnet_gives_fc7_between_maps_and_indices():
    net = DeconvNetEncoder(channels=TINY, fc_channels=7, fc_kernel=2).eval()
    outs = net(torch.randn(2, 3, 64, 64))
    assert [tuple(out.shape) for out in outs[4:6]] == [(2, TINY[4], 2, 2), (2, 7, 1, 1)]
    assert len(outs) == 11
    assert len(DeconvNetEncoder(channels=TINY, fc_channels=7, fc_kernel=2, with_indices=False)(
        torch.randn(2, 3, 64, 64))) == 6
    expected = F.conv2d(outs[4], net.fc[0].conv.weight, net.fc[0].conv.bias)
    torch.testing.assert_close(net.fc[0](outs[4]), net.fc[0].bn(expected).relu())


@pytest.mark.parametrize('size', [(360, 480), (224, 225), (128, 128), (1, 1)])
def test_deconvnet_names_224_and_the_fixes(size):
    net = DeconvNetEncoder(channels=TINY, fc_channels=4)
    with pytest.raises(ValueError, match=rf"224 x 224 px, not {size[0]} x {size[1]}: .*mode='slide'.*\(224, 224\)"):
        net(torch.zeros(1, 3, *size))


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(convs=(1, 1)), r'convs=\(1, 1\) and channels=\(64, 128, 256, 512, 512\)'),
    (dict(kernel_size=4), 'kernel_size=4 must be odd'),
    (dict(dropout_stages=(0, 6)), r'dropout_stages=\(0, 6\) must be among the stages 1..5')])
def test_bad_settings_are_named(settings, words):
    with pytest.raises(ValueError, match=words):
        SegNetEncoder(**settings)


def test_image_too_small_for_rounding_down_names_the_fix():
    with pytest.raises(ValueError, match=r'1 x 2 cells.*ceil_mode=True'):
        SegNetEncoder(channels=TINY, ceil_mode=False).eval()(torch.zeros(1, 3, 16, 33))
    assert SegNetEncoder(channels=TINY).eval()(torch.zeros(1, 3, 1, 1))[4].shape == (1, TINY[4], 1, 1)
