"""MaskLab's mask head alone: the golden case, initial weights, rungs, refinement, low precision, errors."""

import numpy as np
import pytest
import slow_masklab as slow
import torch
from golden_cases import GoldenCase, rel_error

from mmseg_plugins.models.layers import HypercolumnRefinement
from mmseg_plugins.models.roi_heads import MaskLabMaskHead
from mmseg_plugins.ops import crop_and_resize

REFINE = dict(indices=[0, 1], channels=[3, 4], strides=[2, 4], conv_channels=6)
ROIS = torch.tensor([[0, 4., 4, 30, 41], [1, 10, 0, 64, 64], [0, 20, 33, 21, 34]])
LABELS = torch.tensor([1, 0, 2])


def head(**kwargs):
    settings = dict(num_classes=3, in_channels=5, logits_index=2, logits_stride=8, mask_size=9)
    built = MaskLabMaskHead(**{**settings, **kwargs})
    built.init_weights()
    return built


def maps(dtype=torch.float32):
    torch.manual_seed(0)
    return [torch.randn(2, c, 64 // s, 64 // s).to(dtype).requires_grad_() for c, s in ((3, 2), (4, 4), (5, 8))]


def test_init_cfg_has_the_last_word(tmp_path):
    built = head(refine=REFINE, init_cfg=dict(type='Constant', layer='Conv2d', val=0.5, bias=0.25))
    assert all(torch.equal(p, torch.full_like(p, 0.25 if p.dim() == 1 else 0.5)) for p in built.parameters())
    torch.save(built.state_dict(), tmp_path / 'head.pth')
    loaded = head(refine=REFINE, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'head.pth')))
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), built.parameters(), strict=True))


@pytest.mark.golden
def test_coarse_mask_agrees_with_the_golden_case():
    """One map holds all logits of the case; 1 x 1 convolutions pick them out, the fusion has its weights."""
    case = GoldenCase('masklab_direction_pooling')
    config, boxes = case.facts['config'], case.arrays['boxes'].double()
    logits = torch.cat([case.arrays['semantic'], case.arrays['direction']], 1)
    channels, classes = logits.shape[1], config['num_classes']
    pick = torch.eye(channels).view(channels, channels, 1, 1)
    rois = torch.cat([torch.zeros(len(boxes), 1), case.arrays['boxes']], 1)
    for n in config['crop_sizes']:
        ours = head(num_classes=classes, in_channels=channels, logits_index=0, mask_size=n,
                    logits_stride=round(1 / config['spatial_scale']), num_directions=config['directions'],
                    num_distances=config['distance_bins'])
        with torch.no_grad():
            ours.conv_semantic.weight.copy_(pick[:classes])
            ours.conv_direction.weight.copy_(pick[classes:])
            ours.fuse.weight.copy_(torch.tensor(config['fuse_weights']).view(1, -1, 1, 1))
            ours.fuse.bias.fill_(config['fuse_bias'])
            coarse = ours([logits], rois, case.arrays['labels']).final
        bits = np.unpackbits(case.arrays[f'n{n}_on_edge'].numpy(), axis=1)[:, :n * n].reshape(-1, n, n)
        # The case reads zeros beyond the last cell, the head repeats it: compared where both are the same.
        inside = []
        for axis, cells in zip((1, 0), config['map'], strict=True):
            low, high = boxes[:, axis, None], boxes[:, axis + 2, None]
            at = (low + torch.arange(n) * (high - low) / (n - 1)) * config['spatial_scale']
            inside.append((at >= 0) & (at <= cells - 1))
        clear = torch.from_numpy(bits == 0) & inside[0][:, :, None] & inside[1][:, None]
        assert clear.float().mean() > 0.1
        assert rel_error(coarse[:, 0][clear], case.arrays[f'n{n}_coarse'][clear]) <= case.tolerance


def test_coarse_mask_agrees_with_the_slow_loop():
    ours = head(num_distances=2).double()
    source = maps()[2].detach().double()
    with torch.no_grad():
        for conv in (ours.conv_semantic, ours.conv_direction):
            conv.weight.normal_()
            conv.bias.normal_()
        ours.fuse.weight.copy_(torch.tensor([0.7, -1.3]).view(1, 2, 1, 1))
        ours.fuse.bias.fill_(0.2)
        got = ours([None, None, source], ROIS.double(), LABELS).coarse
        semantic, direction = ours.conv_semantic(source), ours.conv_direction(source)
    cropped = slow.crop(semantic, ROIS, (9, 9), 1 / 8, lambda n, i, j: int(LABELS[n]), 'border')
    pooled = slow.direction_pool(direction, ROIS, (9, 9), 1 / 8, 8, 2, 'border')
    torch.testing.assert_close(got, torch.from_numpy(0.7 * cropped - 1.3 * pooled + 0.2), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(('settings', 'weights'), [
    ({}, [0.5, 1.0]), (dict(semantic=False), [1.0]), (dict(direction=False), [1.0])])
def test_fusion_starts_from_the_paper_s_weights(settings, weights):
    built = head(**settings)
    assert built.fuse.weight.flatten().tolist() == weights
    assert built.fuse.bias.item() == 0


def test_only_the_channel_of_the_label_is_read():
    ours = head(direction=False)
    x = [m.detach() for m in maps()]
    semantic = torch.autograd.functional.jacobian(
        lambda weight: torch.func.functional_call(ours, {'conv_semantic.weight': weight}, (x, ROIS, LABELS)).coarse.sum(
            (1, 2, 3)), ours.conv_semantic.weight.detach())  # (N, K, C, 1, 1)
    touched = semantic.abs().sum((2, 3, 4)) > 0
    assert torch.equal(touched, torch.nn.functional.one_hot(LABELS, 3).bool())


def test_rungs_differ_by_what_they_add():
    names = [{name.split('.')[0] for name, _ in built.named_parameters()} for built in (
        head(direction=False), head(semantic=False), head(), head(refine=REFINE))]
    assert names[0] == {'conv_semantic', 'fuse'}
    assert names[1] == {'conv_direction', 'fuse'}
    assert names[2] == {'conv_semantic', 'conv_direction', 'fuse'}
    assert names[3] == names[2] | {'refinement'}
    assert head(num_distances=1).conv_direction.out_channels == 8
    assert head().conv_direction.out_channels == 32


def test_refinement_is_three_convolutions_and_a_predictor_on_mask_and_crops():
    ours = head(refine=REFINE)
    x = maps()
    out = ours(x, ROIS, LABELS)
    assert out.final is out.refined
    crops = [crop_and_resize(torch.nn.functional.pad(x[i], (0, 1, 0, 1), mode='replicate'), ROIS, 9, 1 / s)
             for i, s in ((0, 2), (1, 4))]
    want = torch.cat([out.coarse, *crops], 1)
    assert [conv.conv.kernel_size for conv in ours.refinement.convs] == [(5, 5)] * 3
    for conv in ours.refinement.convs:
        want = torch.nn.functional.conv2d(want, conv.conv.weight, conv.conv.bias, padding=2).relu()
    torch.testing.assert_close(out.refined, ours.refinement.conv_logits(want))


@pytest.mark.parametrize('num', [0, 1, 3])
def test_losses_reach_every_parameter_and_every_map(num):
    ours, x = head(refine=REFINE), maps()
    out = ours(x, ROIS[:num], LABELS[:num])
    losses = ours.loss(out, torch.ones(num, 9, 9))
    assert sorted(losses) == ['loss_mask_coarse', 'loss_mask_refined']
    sum(losses.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in ours.parameters())
    assert all(m.grad is not None for m in x)


def test_losses_are_those_of_both_masks():
    ours = head(refine=REFINE)
    out = ours(maps(), ROIS, LABELS)
    targets = torch.rand(3, 9, 9)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    losses = ours.loss(out, targets)
    torch.testing.assert_close(losses['loss_mask_coarse'], bce(out.coarse[:, 0], targets))
    torch.testing.assert_close(losses['loss_mask_refined'], bce(out.refined[:, 0], targets))
    assert list(head().loss(head()(maps(), ROIS, LABELS), targets)) == ['loss_mask_coarse']


def test_bfloat16_weights_and_maps():
    ours, x = head(refine=REFINE).to(torch.bfloat16), maps(torch.bfloat16)
    out = ours(x, ROIS, LABELS)
    assert out.final.dtype == torch.bfloat16
    loss = sum(ours.loss(out, torch.ones(3, 9, 9)).values())
    assert loss.dtype == torch.float32
    loss.backward()
    assert all(p.grad.isfinite().all() for p in ours.parameters())


@pytest.mark.parametrize(('call', 'words'), [
    (lambda: head(semantic=False, direction=False), ['semantic=False', 'direction=False']),
    (lambda: head(refine=dict(REFINE, strides=[2])), ['indices=[0, 1]', 'strides=[2]']),
    (lambda: head().check_maps(maps()[:2], (64, 64)), ['logits_index', 'map 2', '5 channels', '1: 4 channels 16 x 16']),
    (lambda: head(in_channels=6).check_maps(maps(), (64, 64)), ['6 channels', '2: 5 channels 8 x 8']),
    (lambda: head(logits_stride=16).check_maps(maps(), (64, 64)), ['stride 16', '8 x 8', '64 x 64']),
    (lambda: head(refine=dict(REFINE, indices=[1, 0])).check_maps(maps(), (64, 64)), ['refine.indices', 'map 1']),
    (lambda: head(refine=dict(REFINE, strides=[8, 4])).check_maps(maps(), (64, 64)), ['refine.indices', 'stride 8']),
])
def test_what_does_not_fit_is_named_on_both_sides(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value


def test_maps_that_fit_pass_even_for_odd_sizes():
    head(refine=REFINE).check_maps(maps(), (64, 64))
    odd = [torch.zeros(1, c, -(-53 // s), -(-39 // s)) for c, s in ((3, 2), (4, 4), (5, 8))]
    head(refine=REFINE).check_maps(odd, (53, 39))


def test_a_stock_roi_head_is_told_what_to_use():
    with pytest.raises(TypeError, match='MaskLabRoIHead'):
        head()(torch.zeros(2, 5, 9, 9))


def test_gradcheck_of_the_refinement():
    refine = HypercolumnRefinement(
        indices=[0], channels=[2], strides=[4], num_convs=1, conv_channels=2, kernel_size=3).double()
    coarse = torch.randn(2, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    feat = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    rois = torch.tensor([[0, 1.3, 2.1, 9.7, 11.9], [0, 0.7, 0.4, 15.1, 14.2]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda c, f: refine(c, [f], rois), (coarse, feat))
