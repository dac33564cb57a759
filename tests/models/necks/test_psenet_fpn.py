"""PSENetFPN: the original's numbers through the converter, odd sizes, unused parameters, errors."""

import pytest
import torch
from golden_cases import GoldenCase, part

from mmseg_plugins.models.necks import PSENetFPN
from mmseg_plugins.weights.psenet import convert_psenet


@pytest.mark.golden
def test_agrees_with_the_original():
    case = GoldenCase('psenet_fpn')
    channels = case.facts['config']['in_channels']
    norm_cfg = dict(type='BN', eps=case.facts['config']['bn_eps'])
    neck = PSENetFPN(channels, case.facts['config']['channels'], norm_cfg=norm_cfg).eval()
    neck.load_state_dict(part(convert_psenet(case.weights), 'neck.'), strict=True)
    with torch.no_grad():
        outs = neck([case.arrays[f'c{i}'] for i in range(2, 2 + len(channels))])
    case.check({f'f{i}': out for i, out in enumerate(outs, start=1)})


def test_odd_sizes_and_group_norm():
    neck = PSENetFPN([4, 8, 12], 16, norm_cfg=dict(type='GN', num_groups=4))
    outs = neck([torch.randn(2, 4, 17, 13), torch.randn(2, 8, 9, 7), torch.randn(2, 12, 5, 4)])
    assert [tuple(out.shape) for out in outs] == [(2, 16, 17, 13)] * 3
    sum(out.square().sum() for out in outs).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in neck.parameters())


def test_wrong_channels_and_groups_are_named():
    with pytest.raises(ValueError) as error:
        PSENetFPN([4, 8], 16)([torch.randn(1, 4, 8, 8)])
    assert '[4, 8]' in str(error.value)
    assert '1 maps of [4]' in str(error.value)
    with pytest.raises(ValueError, match='30 channels'):
        PSENetFPN([4, 8], 30, norm_cfg=dict(type='GN', num_groups=4))
