"""mmseg's MobileNetV2 with the expansion of its first block, as a backbone of both hosts."""

import torch
from mmdet.models import RetinaHead
from mmengine.registry import MODELS, DefaultScope
from mmseg.models.backbones import MobileNetV2

from mmseg_plugins.models.backbones import ExpandedMobileNetV2


def test_only_the_first_block_has_one_convolution_more():
    ours, host = ExpandedMobileNetV2(widen_factor=0.5), MobileNetV2(widen_factor=0.5)
    assert type(ours) is MobileNetV2
    theirs = {name.replace('layer1.0.conv.1', 'layer1.0.conv.2').replace('layer1.0.conv.0', 'layer1.0.conv.1')
              for name in host.state_dict()}
    more = {f'layer1.0.conv.0.{name}' for name in ('conv.weight', *(f'bn.{part}' for part in (
        'weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')))}
    assert set(ours.state_dict()) == theirs | more
    assert ours.layer1[0].conv[0].conv.weight.shape == (16, 16, 1, 1)


def test_six_maps_at_four_strides_of_any_size():
    net = ExpandedMobileNetV2(widen_factor=0.25, out_indices=(1, 2, 3, 4, 5, 6))
    net.eval()
    with torch.no_grad():
        maps = net(torch.randn(1, 3, 67, 130))
    assert [tuple(level.shape[2:]) for level in maps] == [(17, 33), (9, 17), (5, 9), (5, 9), (3, 5), (3, 5)]


def test_freezing_reaches_the_added_convolution():
    net = ExpandedMobileNetV2(widen_factor=0.25, frozen_stages=1, norm_eval=True)
    net.train()
    added = net.layer1[0].conv[0]
    assert not added.conv.weight.requires_grad
    assert not added.bn.training


def test_mmdets_heads_read_it():
    with DefaultScope.overwrite_default_scope('mmdet'):
        backbone = MODELS.build(dict(
            type='mmseg_plugins.ExpandedMobileNetV2', widen_factor=0.25, out_indices=(1, 2, 4, 6)))
        neck = MODELS.build(dict(type='FPN', in_channels=[8, 8, 24, 80], out_channels=8, num_outs=5))
        head = RetinaHead(3, 8, stacked_convs=1, feat_channels=8)
    scores, _ = head(neck(backbone(torch.randn(1, 3, 64, 96))))
    assert [tuple(level.shape[2:]) for level in scores] == [(16, 24), (8, 12), (4, 6), (2, 3), (1, 2)]
