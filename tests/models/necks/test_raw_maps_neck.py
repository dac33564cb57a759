"""A neck's maps with maps of the backbone after them."""

from __future__ import annotations

import pytest
import torch

from mmseg_plugins.registry import MODELS


def maps_of(*channels: int) -> list[torch.Tensor]:
    return [torch.randn(2, c, 32 >> i, 32 >> i) for i, c in enumerate(channels)]


@pytest.mark.parametrize('kind', ['mmdet.FPN', 'mmseg_plugins.PANetFPN'])
def test_the_maps_of_any_neck_come_first_and_raw_maps_follow(kind: str) -> None:
    neck = dict(type=kind, in_channels=[4, 6], out_channels=8, num_outs=2)
    net = MODELS.build(dict(type='mmseg_plugins.RawMapsNeck', neck=neck, in_indices=[1, 2], raw_indices=[0, 2]))
    net.init_weights()
    maps = maps_of(3, 4, 6)
    outs = net(maps)
    for out, expected in zip(outs[:2], net.neck(maps[1:]), strict=True):
        torch.testing.assert_close(out, expected)
    assert outs[2] is maps[0]
    assert outs[3] is maps[2]
    assert len(outs) == 4


def test_without_indices_the_neck_reads_all_maps() -> None:
    neck = dict(type='mmdet.FPN', in_channels=[3, 4], out_channels=8, num_outs=2)
    assert len(MODELS.build(dict(type='mmseg_plugins.RawMapsNeck', neck=neck, raw_indices=[0]))(maps_of(3, 4))) == 3


@pytest.mark.parametrize('indices', [dict(raw_indices=[2]), dict(raw_indices=[0], in_indices=[1, 2]),
                                     dict(raw_indices=[-1])])
def test_an_index_without_a_map_is_named(indices: dict) -> None:
    neck = dict(type='mmdet.FPN', in_channels=[3, 4], out_channels=8, num_outs=2)
    with pytest.raises(ValueError, match=r'_indices=\[.*\], but the backbone gives 2 maps, 0 to 1'):
        MODELS.build(dict(type='mmseg_plugins.RawMapsNeck', neck=neck, **indices))(maps_of(3, 4))
