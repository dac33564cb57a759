"""The proposal network that reads some of the maps."""

import pytest
import torch
from mmdet.models.dense_heads import RPNHead
from mmengine.registry import DefaultScope

from mmseg_plugins.models.dense_heads import SelectRPNHead

ANCHORS = dict(type='AnchorGenerator', scales=[8], ratios=[1.0], strides=[8])


@pytest.fixture(autouse=True)
def mmdet_scope():
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def maps():
    return [torch.randn(1, c, 64 // s, 64 // s) for c, s in ((4, 4), (6, 8), (8, 8))]


def test_reads_the_named_map_as_the_stock_head_would():
    head = SelectRPNHead(in_indices=[1], in_channels=6, feat_channels=5, anchor_generator=ANCHORS)
    stock = RPNHead(in_channels=6, feat_channels=5, anchor_generator=ANCHORS)
    stock.load_state_dict(head.state_dict())
    x = maps()
    for ours, theirs in zip(head(x), stock([x[1]]), strict=True):
        assert len(ours) == 1
        assert torch.equal(ours[0], theirs[0])


def test_number_of_maps_and_strides_must_agree():
    with pytest.raises(ValueError, match=r'in_indices=\[0, 1\] names 2 maps, but the anchor generator has 1 strides'):
        SelectRPNHead(in_indices=[0, 1], in_channels=6, feat_channels=5, anchor_generator=ANCHORS)


@pytest.mark.parametrize('index', [0, 3])
def test_wrong_map_is_named_on_both_sides(index):
    head = SelectRPNHead(in_indices=[index], in_channels=6, feat_channels=5, anchor_generator=ANCHORS)
    with pytest.raises(ValueError) as error:
        head(maps())
    assert all(word in str(error.value) for word in (f'in_indices=[{index}]', 'in_channels=6', '3 maps', '[4, 6, 8]'))
