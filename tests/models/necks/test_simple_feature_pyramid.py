"""SimpleFeaturePyramid: sizes, its norm, errors; its numbers are checked with the backbone's."""

import pytest
import torch
from mmcv.cnn import ConvModule

from mmseg_plugins.models.necks import LN2d, SimpleFeaturePyramid


def test_levels_of_an_odd_map():
    neck = SimpleFeaturePyramid([4, 8], 16, num_outs=6)
    outs = neck([torch.randn(1, 4, 9, 9), torch.randn(2, 8, 7, 5)])
    assert [tuple(out.shape[2:]) for out in outs] == [(28, 20), (14, 10), (7, 5), (3, 2), (2, 1), (1, 1)]
    sum(out.square().sum() for out in outs).backward()
    assert all(p.grad is not None for p in neck.parameters())


def test_norm_is_over_the_channels_of_each_cell():
    x = torch.randn(2, 6, 3, 4)
    out = LN2d(6)(x)
    torch.testing.assert_close(out, (x - x.mean(1, True)) / (x.var(1, correction=0, keepdim=True) + 1e-6).sqrt())
    conv = ConvModule(6, 8, 1, norm_cfg=dict(type='mmseg_plugins.LN2d'))
    assert 'ln.weight' in conv.state_dict()


def test_errors():
    with pytest.raises(ValueError, match='num_outs=3'):
        SimpleFeaturePyramid(8, num_outs=3)
    with pytest.raises(ValueError, match='has 4 channels'):
        SimpleFeaturePyramid(8)([torch.randn(1, 4, 4, 4)])
