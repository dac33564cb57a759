"""PANetFPN: the original's numbers, its options, its errors, odd sizes and low precision."""

import pytest
import torch
import torch.nn.functional as F
from golden_cases import GoldenCase, golden_state_dict, part, rel_error
from official_panet import official_params

from mmseg_plugins.models.necks import PANetFPN
from mmseg_plugins.weights.panet import convert_panet

GN32 = dict(type='GN', num_groups=32)
GN8 = dict(type='GN', num_groups=8)


def small(**kwargs):
    return PANetFPN(**{**dict(in_channels=[4, 8, 12, 16], out_channels=16, num_outs=5, norm_cfg=GN8), **kwargs})


def maps(channels, height, width, batch=1, dtype=torch.float32):
    out = []
    for c in channels:
        out.append(torch.randn(batch, c, height, width).to(dtype))
        height, width = (height + 1) // 2, (width + 1) // 2
    return out


def official_forward(weights, c, groups):
    """The released forward pass, written down from its description: maps and outputs finest first."""

    def block(name, x, stride=1, relu=False):
        w = weights[f'Conv_Body.{name}.0.weight']
        x = F.conv2d(x, w, weights.get(f'Conv_Body.{name}.0.bias'), stride=stride, padding=w.shape[-1] // 2)
        x = F.group_norm(x, groups, weights[f'Conv_Body.{name}.1.weight'], weights[f'Conv_Body.{name}.1.bias'])
        return x.relu() if relu else x

    inner = [block('conv_top', c[3])]  # coarse to fine
    for i in range(3):
        up = inner[-1].repeat_interleave(2, -1).repeat_interleave(2, -2)
        inner.append(block(f'topdown_lateral_modules.{i}.conv_lateral', c[2 - i]) + up)
    p = [block(f'posthoc_modules.{i}', x) for i, x in enumerate(inner)][::-1]
    n = [p[0]]
    for i in range(3):
        t = block(f'panet_buttomup_conv1_modules.{i}', n[-1], 2, True) + p[i + 1]
        n.append(block(f'panet_buttomup_conv2_modules.{i}', t, 1, True))
    return [*n, n[-1][:, :, ::2, ::2]]


@pytest.mark.golden
def test_agrees_with_the_original():
    case = GoldenCase('panet_fpn')
    config = case.facts['config']
    channels = config['in_channels_c2_to_c5']
    neck = PANetFPN(channels, config['out_channels'], num_outs=len(channels) + 1,
                    norm_cfg=dict(type='GN', num_groups=config['num_groups'], eps=config['gn_eps']))
    neck.load_state_dict(part(convert_panet(case.weights), 'neck.'), strict=True)
    with torch.no_grad():
        outs = neck([case.arrays[f'c{i}'] for i in range(2, 2 + len(channels))])
    case.check({f'n{i}': out for i, out in enumerate(outs, start=2)})


@pytest.mark.parametrize(('seed', 'width', 'groups', 'size'), [(5, 32, 8, (32, 16)), (6, 48, 16, (16, 40))])
def test_agrees_with_a_transcription_at_other_seeds_and_sizes(seed, width, groups, size):
    torch.manual_seed(seed)
    channels = [8, 16, 24, 40]
    neck = PANetFPN(channels, width, num_outs=5, norm_cfg=dict(type='GN', num_groups=groups)).double()
    params = {}
    for name, shape in official_params().items():
        if not name.startswith('Conv_Body.') or 'conv_body' in name:
            continue
        params[name] = [width if s == 256 else s for s in shape]
        if 'conv_lateral' in name or 'conv_top.0' in name:
            level = 3 if 'conv_top' in name else 2 - int(name.split('.')[2])
            params[name] = [width, channels[level], 1, 1] if len(shape) == 4 else [width]
    weights = {k: v.double() for k, v in golden_state_dict(params, seed, 2.0).items()}
    neck.load_state_dict(part(convert_panet(weights), 'neck.'), strict=True)
    c = [x.double() for x in maps(channels, *size, batch=2)]
    with torch.no_grad():
        for ours, theirs in zip(neck(c), official_forward(weights, c, groups), strict=True):
            assert rel_error(ours, theirs) < 1e-12


def test_without_the_path_it_is_a_plain_fpn():
    neck = small(bottom_up=False)
    full = small()
    assert set(neck.state_dict()) < set(full.state_dict())
    full.load_state_dict({**full.state_dict(), **neck.state_dict()})
    x = maps(neck.in_channels, 16, 16)
    plain, augmented = neck(x), full(x)
    torch.testing.assert_close(plain[0], augmented[0])  # N2 = P2
    assert not torch.allclose(plain[1], augmented[1])


@pytest.mark.parametrize('size', [(17, 13), (1, 1), (33, 2), (9, 64)])
def test_odd_sizes_keep_the_sizes_of_the_backbone(size):
    neck = small()
    x = maps(neck.in_channels, *size)
    outs = neck(x)
    assert [o.shape[-2:] for o in outs[:4]] == [i.shape[-2:] for i in x]
    assert all(o.isfinite().all() for o in outs)


@pytest.mark.parametrize('size', range(2, 12))
def test_odd_sizes_upsample_from_pixel_i_over_2(size):
    x = torch.arange((size + 1) // 2, dtype=torch.float32)[None, None]
    torch.testing.assert_close(F.interpolate(x, size=size, mode='nearest')[0, 0], torch.arange(size) // 2 * 1.0)


def test_four_outputs_have_no_unused_parameter():
    neck = small(num_outs=4)
    outs = neck(maps(neck.in_channels, 16, 16))
    assert len(outs) == 4
    sum(o.square().sum() for o in outs).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in neck.parameters())


def test_start_level_leaves_fine_maps_out():
    neck = small(start_level=1, num_outs=5)
    x = maps(neck.in_channels, 16, 16)
    outs = neck(x)
    assert [tuple(o.shape[-2:]) for o in outs] == [(8, 8), (4, 4), (2, 2), (1, 1), (1, 1)]
    assert len(neck.lateral_convs) == 3


def test_without_a_norm_and_an_activation_it_is_linear_in_its_input():
    neck = small(norm_cfg=None, act_cfg=None)
    x = maps(neck.in_channels, 8, 8)
    zero = neck([torch.zeros_like(i) for i in x])
    one, two = neck(x), neck([2 * i for i in x])
    for z, a, b in zip(zero, one, two, strict=True):
        torch.testing.assert_close(b - z, 2 * (a - z), rtol=1e-4, atol=1e-4)


def test_initial_weights_follow_caffe2_xavier():
    torch.manual_seed(0)
    neck = small(in_channels=[64, 64, 64, 64], out_channels=64)
    neck.init_weights()
    weight = neck.upper_convs[0].conv.weight
    bound = (3 / (64 * 9))**0.5
    assert 0.95 * bound < weight.abs().max() <= bound
    assert neck.upper_convs[0].conv.bias.abs().max() == 0


def test_bfloat16_forward():
    neck = small().to(torch.bfloat16)
    outs = neck(maps(neck.in_channels, 9, 7, dtype=torch.bfloat16))
    assert {o.dtype for o in outs} == {torch.bfloat16}
    assert all(o.isfinite().all() for o in outs)


def test_gradcheck():
    neck = PANetFPN([1, 1], 2, num_outs=3, norm_cfg=dict(type='GN', num_groups=1)).double()
    x = [i.double().requires_grad_() for i in maps([1, 1], 5, 3)]
    assert torch.autograd.gradcheck(lambda *i: neck(i), x)


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(norm_cfg=GN32), ['16 channels', '32 groups', 'num_groups']),
    (dict(num_outs=3), ['num_outs=3', '4 used levels', 'out_indices']),
    (dict(start_level=4), ['start_level=4', '0..3']),
])
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError) as error:
        small(**kwargs)
    assert all(word in str(error.value) for word in words), error.value


def test_wrong_channels_print_both_lists():
    with pytest.raises(ValueError) as error:
        small()(maps([4, 8, 16], 8, 8))
    assert '[4, 8, 12, 16]' in str(error.value)
    assert '3 maps of [4, 8, 16]' in str(error.value)


def test_dilated_stages_are_refused():
    x = maps([4, 8, 12, 16], 16, 16)
    x[3] = torch.randn(1, 16, 4, 4)
    with pytest.raises(ValueError, match='dilated'):
        small()(x)
