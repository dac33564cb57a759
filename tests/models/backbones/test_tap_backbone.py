"""The backbone with extra outputs: what it gives, gradients, copies, errors."""

import copy

import pytest
import torch
from mmdet.models.backbones import ResNet

from mmseg_plugins.models.backbones import TapBackbone

NET = dict(type='mmdet.ResNet', depth=18, base_channels=8, init_cfg=None)
IMAGE = torch.randn(1, 3, 37, 53)


def test_stem_comes_before_the_stages():
    torch.manual_seed(0)
    tap = TapBackbone(net=NET, taps=['relu', 'maxpool']).eval()
    plain = ResNet(depth=18, base_channels=8)
    plain.eval()  # gives None
    plain.load_state_dict(tap.net.state_dict())
    outs = tap(IMAGE)
    assert [o.size(1) for o in outs] == [8, 8, 8, 16, 32, 64]
    assert outs[0].shape[-2:] == (19, 27)
    stem = plain.norm1(plain.conv1(IMAGE)).relu()
    torch.testing.assert_close(outs[0], stem)
    torch.testing.assert_close(outs[1], plain.maxpool(stem))
    for ours, theirs in zip(outs[2:], plain(IMAGE), strict=True):
        assert torch.equal(ours, theirs)


def test_gradients_flow_through_the_tap():
    tap = TapBackbone(net=NET, taps=['relu'])
    tap(IMAGE)[0].sum().backward()
    assert tap.net.conv1.weight.grad is not None


def test_a_deep_copy_gives_its_own_maps_and_no_hook_stays():
    tap = TapBackbone(net=NET, taps=['relu']).eval()
    tap(IMAGE)
    other = copy.deepcopy(tap)
    with torch.no_grad():
        other.net.conv1.weight.mul_(2)
    assert not torch.equal(other(IMAGE)[0], tap(IMAGE)[0])
    assert not any(module._forward_hooks for module in tap.modules())


def test_freezing_and_norm_mode_are_those_of_the_inner_backbone():
    tap = TapBackbone(net=dict(NET, frozen_stages=1, norm_eval=True), taps=['relu'])
    tap.train()
    assert not tap.net.conv1.weight.requires_grad
    assert not tap.net.layer2[0].bn1.training


def test_swin_gives_tokens_where_a_map_is_needed():
    swin = dict(type='mmdet.SwinTransformer', embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=2)
    with pytest.raises(ValueError, match="'patch_embed' of SwinTransformer gives tuple"):
        TapBackbone(net=swin, taps=['patch_embed'])(torch.randn(1, 3, 64, 64))


def test_unknown_and_repeated_modules_are_named():
    with pytest.raises(ValueError, match=r"no module 'stem'.*'layer1'"):
        TapBackbone(net=NET, taps=['stem'])
    tap = TapBackbone(net=NET, taps=['layer1.0.relu'])
    with pytest.raises(ValueError, match='runs more than once'):
        tap(IMAGE)
    assert not any(module._forward_hooks for module in tap.modules())
