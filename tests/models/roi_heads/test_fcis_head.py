"""FCIS's network: the original's numbers in both conventions, slow transcriptions, levels, low precision, errors."""


import numpy as np
import pytest
import slow_fcis
import torch
import torch.nn.functional as F
from golden_cases import GoldenCase, golden_state_dict, part, rel_error, stats
from mmdet.models.losses import CrossEntropyLoss, SmoothL1Loss
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from mmseg_plugins.models.losses import fcis_loss, fcis_roi_losses
from mmseg_plugins.models.roi_heads import FCISHead
from mmseg_plugins.models.roi_heads.fcis_head import PRESETS
from mmseg_plugins.models.roi_heads.fcis_score_maps import box_deltas, masks_of
from mmseg_plugins.ops.ps_roi_pool import ps_roi_pool
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.fcis import convert_fcis_head, x_before_y
from mmseg_plugins.weights.state_dict_rules import check_matches

Y_X = [1, 0, 3, 2]
CFG = ConfigDict(
    assigner=dict(type='mmdet.MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5,
                  match_low_quality=False),
    sampler=dict(type='mmseg_plugins.JointLossOHEMSampler', num=8))


def head(**kwargs):
    settings = dict(in_channels=12, num_classes=3, feat_channels=8, train_cfg=CFG, test_cfg=ConfigDict())
    return FCISHead(**{**settings, **kwargs})


def head_of(case, convention):
    config = case.facts['config']
    built = head(
        in_channels=config['in_channels'],
        feat_channels=config['mid_channels'],
        num_classes=config['num_classes_with_background'] - 1,
        group_size=config['group_size'],
        pooled_size=config['pooled_size'],
        featmap_strides=[round(1 / config['spatial_scale'])],
        num_passes=config.get('passes', 2),
        bbox_coder=dict(type=PRESETS[convention].bbox_coder, target_means=config.get('delta_mean', [0.0] * 4),
                        target_stds=config['delta_std']),
        preset=convention)
    weights = convert_fcis_head(case.weights, convention)
    check_matches(part(weights, 'roi_head.'), built.state_dict(), 'the head')
    built.load_state_dict(part(weights, 'roi_head.'), strict=True)
    return built


def both_box_groups(case, built, feat, rois):
    """Deltas (N, 2, 4): the head itself reads only the object's group."""
    maps = built.score_maps.bbox(built.score_maps.conv(feat).relu())
    config = case.facts['config']
    pooled = ps_roi_pool(maps, rois, config['pooled_size'], config['group_size'], config['spatial_scale'],
                         built.box_mode)
    return box_deltas(pooled).reshape(-1, 2, 4)


@torch.no_grad()
def two_passes(case, built):
    shape = tuple(case.facts['config']['image_size'])
    feat = case.arrays['feat']
    rois, readings = built.passes(built.maps([feat]), case.arrays['rois'], [shape])
    deltas = both_box_groups(case, built, feat, rois)
    assert rel_error(readings.box_delta, deltas[:, 1]) < 1e-5
    return rois, readings, deltas


@pytest.mark.golden
def test_two_passes_agree_with_the_original():
    case = GoldenCase('fcis_head_msracver')
    rois, readings, deltas = two_passes(case, head_of(case, 'msracver'))
    assert torch.equal(readings.mask_class, case.arrays['mask_class'])
    case.check(dict(
        rois_all=rois[:, 1:],
        cls_logit=readings.cls_logit,
        cls_prob=readings.cls_logit.softmax(1),
        box_delta=deltas.flatten(1),
        mask_prob=readings.mask_logit.softmax(1),
        mask_class=readings.mask_class))


@pytest.mark.golden
def test_two_passes_agree_with_chainercv():
    case = GoldenCase('fcis_head_chainercv')
    rois, readings, deltas = two_passes(case, head_of(case, 'chainercv'))
    case.check(dict(
        rois_all=rois[:, 1:],
        cls_logit=readings.cls_logit,
        cls_prob=readings.cls_logit.softmax(1),
        box_delta=deltas[..., Y_X],
        mask_logit=readings.mask_logit,
        mask_prob=readings.mask_logit.softmax(1)[:, 1]))


def rpn_losses(a, sigma):
    """Class and box loss of the stock RPN's loss modules, which see the difference of the two logits."""
    labels = a['rpn_labels']
    used = labels >= 0
    logit = (a['rpn_score'][:, 1] - a['rpn_score'][:, 0])[:, None]
    cls = CrossEntropyLoss(use_sigmoid=True)(logit, (labels != 1).long(), used.float(), avg_factor=int(used.sum()))
    weights = (labels == 1).float()[:, None].expand(-1, 4)
    box = SmoothL1Loss(beta=1 / sigma**2)(a['rpn_box_pred'], a['rpn_box_targets'], weights, avg_factor=int(used.sum()))
    return cls, box


@pytest.mark.golden
def test_losses_and_gradients_agree_with_chainercv_end_to_end():
    case = GoldenCase('fcis_loss')
    a, config = case.arrays, case.facts['config']
    beta = 1 / config['roi_sigma']**2
    built = head_of(case, 'chainercv')
    feat = a['feat'].requires_grad_()
    rois = F.pad(a['rois'], (1, 0))
    sides, deltas = built.pool(built.maps([feat]), rois)
    masks = masks_of(sides.mask_logit, a['roi_labels'])
    terms = fcis_roi_losses(sides.cls_logit, masks, deltas, a['roi_labels'], a['roi_mask_targets'],
                            a['roi_box_targets'], beta)
    losses = fcis_loss(terms, a['roi_labels'])
    sum(losses).backward()
    explicit = fcis_roi_losses(a['A_cls_logit'].requires_grad_(), a['A_mask_logit'].requires_grad_(), a['A_box_pred'],
                               a['A_labels'], a['A_mask_targets'], a['A_box_targets'], beta)
    a_losses = fcis_loss(explicit, a['A_labels'], config['A_normaliser'])
    sum(a_losses).backward()
    layers = dict(conv1=built.score_maps.conv, cls_seg=built.score_maps.cls_seg, ag_loc=built.score_maps.bbox)
    grads = {
        f'grad_{name}_{letter}__stats': stats(getattr(layer, param).grad)
        for name, layer in layers.items() for letter, param in (('W', 'weight'), ('b', 'bias'))
    }
    case.check(dict(
        cls_logit=sides.cls_logit,
        mask_logit=masks,
        box_delta=both_box_groups(case, built, feat, rois),
        losses=torch.stack([*losses, *rpn_losses(a, config['rpn_sigma'])]),
        feat_grad=feat.grad,
        A_losses=torch.stack(a_losses),
        A_grad_cls=a['A_cls_logit'].grad,
        A_grad_mask=a['A_mask_logit'].grad,
        **grads))


def random_rois(number, height, width, seed, images=1):
    rng = np.random.RandomState(seed)
    x = np.sort(rng.uniform(0, width - 1, (number, 2)), 1)
    y = np.sort(rng.uniform(0, height - 1, (number, 2)), 1)
    return torch.from_numpy(np.stack([np.sort(rng.randint(0, images, number)), x[:, 0], y[:, 0], x[:, 1], y[:, 1]], 1))


@pytest.mark.parametrize('convention', ['msracver', 'chainercv'])
@pytest.mark.parametrize(('seed', 'classes', 'group', 'separate'), [(5, 1, 3, False), (6, 4, 1, False),
                                                                    (7, 2, 2, True)])
def test_network_agrees_with_a_slow_transcription_at_other_seeds_and_sizes(seed, classes, group, separate, convention):
    size, stride = 2 * group + 1, 8
    built = head(num_classes=classes, group_size=group, pooled_size=size, featmap_strides=[stride],
                 separate_maps=separate, preset=convention).double()
    shapes = {key: list(value.shape) for key, value in built.state_dict().items()}
    built.load_state_dict(
        {key: value.double() for key, value in golden_state_dict(shapes, seed, 2.0).items()}, strict=True)
    torch.manual_seed(seed)
    feat = torch.randn(1, 12, 5, 7, dtype=torch.float64)
    rois = random_rois(4, 40, 56, seed)
    with torch.no_grad():
        reading = built.read(built.maps([feat]), rois)
        x = built.score_maps.conv(feat).relu()
        maps, boxes = (layer(x)[0].numpy() for layer in (built.score_maps.cls_seg, built.score_maps.bbox))
    for i, roi in enumerate(rois[:, 1:].numpy()):
        pooled = slow_fcis.psroi(maps, roi, size, group, stride, convention)
        logits, pairs = [], []
        for c in range(classes + 1):
            outside, inside = pooled[2 * c], pooled[2 * c + 1]
            logits.append((outside if separate else np.maximum(outside, inside)).mean())
            pairs.append((np.zeros_like(inside) if separate else outside, inside))
        best = int(np.argmax(logits)) if convention == 'chainercv' else int(np.argmax(logits[1:])) + 1
        np.testing.assert_allclose(reading.cls_logit[i], logits, rtol=1e-9, atol=1e-9)
        assert reading.mask_class[i] == best
        np.testing.assert_allclose(reading.mask_logit[i], np.stack(pairs[best]), rtol=1e-9, atol=1e-9)
        delta = slow_fcis.psroi(boxes, roi, size, group, stride, convention)[4:].mean((1, 2))
        np.testing.assert_allclose(reading.box_delta[i], delta, rtol=1e-9, atol=1e-9)


def two_levels(**kwargs):
    return head(in_levels=[0, 2], featmap_strides=[4, 16], finest_scale=16, **kwargs)


def test_rois_are_read_from_the_level_of_their_size_in_their_order():
    built = two_levels()
    feats = [torch.randn(2, 12, 64 // s, 64 // s) for s in (4, 8, 16)]
    rois = torch.tensor([[0.0, 1, 1, 60, 60], [0, 1, 1, 20, 20], [1, 4, 4, 44, 44], [1, 30, 30, 33, 35]])
    assert built.levels_of(rois).tolist() == [1, 0, 1, 0]
    maps = built.maps(feats)
    with torch.no_grad():
        both, deltas = built.pool(maps, rois)
        reading = built.read(maps, rois)
        for level, stride in ((0, 4), (1, 16)):
            alone = head(featmap_strides=[stride])
            alone.load_state_dict(built.state_dict())
            own = built.levels_of(rois) == level
            want, want_deltas = alone.pool([maps[level]], rois[own])
            torch.testing.assert_close(both.cls_logit[own], want.cls_logit)
            torch.testing.assert_close(both.mask_logit[own], want.mask_logit)
            torch.testing.assert_close(deltas[own], want_deltas)
    torch.testing.assert_close(reading.cls_logit, both.cls_logit)
    torch.testing.assert_close(reading.box_delta, deltas)
    torch.testing.assert_close(reading.mask_logit, masks_of(both.mask_logit, reading.mask_class))


@pytest.mark.parametrize('build', [head, two_levels])
def test_no_roi_and_no_proposal(build):
    built = build()
    feats = [torch.randn(1, 12, 64 // s, 64 // s, requires_grad=True) for s in (4, 8, 16)]
    sides, deltas = built.pool(built.maps(feats), torch.zeros(0, 5))
    (sides.cls_logit.sum() + sides.mask_logit.sum() + deltas.sum()).backward()
    assert all(p.grad is not None and not p.grad.any() for p in built.parameters())
    with torch.no_grad():
        reading = built.read(built.maps(feats), torch.zeros(0, 5))
    assert reading.cls_logit.shape == (0, 4)
    assert reading.mask_logit.shape == (0, 2, 21, 21)


def test_a_second_pass_reads_what_the_first_refined():
    built = head()
    built.init_weights()
    feat = torch.randn(1, 12, 8, 8)
    rois = random_rois(5, 128, 100, seed=1).float()
    with torch.no_grad():
        built.score_maps.bbox.bias[-49:] = -2.0  # shrink heights: exp(-2 * 0.5)
        built.score_maps.bbox.weight.zero_()
        maps = built.maps([feat])
        every, readings = built.passes(maps, rois, [(128, 100)])
        assert torch.equal(every[:5], rois)
        heights = every[:, 4] - every[:, 2] + 1
        torch.testing.assert_close(heights[5:], heights[:5] * torch.tensor(-1.0).exp())
        again = built.read(maps, every[5:])
        torch.testing.assert_close(readings.cls_logit[5:], again.cls_logit)
        built.num_passes = 1
        assert len(built.passes(maps, rois, [(128, 100)])[0]) == 5


def test_convolutions_in_front_are_normalised_and_trained():
    built = head(num_convs=2, norm_cfg=dict(type='GN', num_groups=4))
    built.init_weights()
    sides, deltas = built.pool(built.maps([torch.randn(1, 12, 8, 8)]), random_rois(3, 128, 128, seed=3).float())
    (sides.cls_logit.sum() + sides.mask_logit.sum() + deltas.sum()).backward()
    assert len(built.score_maps.convs) == 2
    assert all(p.grad is not None and p.grad.any() for p in built.score_maps.convs.parameters())
    with pytest.raises(ValueError, match=r'in_channels of FCISHead has 12 channels.*5 groups'):
        head(num_convs=1, norm_cfg=dict(type='GN', num_groups=5))


def test_initial_weights_are_the_original_s():
    torch.manual_seed(0)
    built = head(in_channels=64, feat_channels=64)
    built.init_weights()
    for layer in (built.score_maps.conv, built.score_maps.cls_seg, built.score_maps.bbox):
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert not layer.bias.any()


def test_init_cfg_has_the_last_word(tmp_path):
    built = head(init_cfg=dict(type='Constant', layer='Conv2d', val=0.5, bias=0.25))
    built.init_weights()
    assert all(torch.equal(p, torch.full_like(p, 0.25 if p.dim() == 1 else 0.5)) for p in built.parameters())
    torch.save(built.state_dict(), tmp_path / 'head.pth')
    loaded = head(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'head.pth')))
    loaded.init_weights()
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), built.parameters(), strict=True))


def test_layers_that_init_cfg_does_not_name_start_as_the_original_s():
    torch.manual_seed(0)
    built = head(in_channels=64, feat_channels=64, init_cfg=dict(type='Constant', layer='GroupNorm', val=1.0))
    built.init_weights()
    assert built.score_maps.conv.weight.std().item() == pytest.approx(0.01, rel=0.05)


def test_bfloat16_maps_give_float32_logits():
    built = head().to(torch.bfloat16)
    maps = built.maps([torch.randn(1, 12, 8, 8, dtype=torch.bfloat16)])
    sides, deltas = built.pool(maps, random_rois(3, 128, 128, seed=2).float())
    reading = built.read(maps, random_rois(3, 128, 128, seed=2).float())
    for x in (*sides, deltas, reading.cls_logit, reading.mask_logit):
        assert x.dtype == torch.float32
        assert x.isfinite().all()


@pytest.mark.parametrize('build', [head, two_levels])
def test_pooled_scores_keep_float32_under_autocast(build):
    """A mean of bfloat16 numbers is no bfloat16 number: nothing is rounded after the convolutions."""
    built = build()
    torch.manual_seed(3)
    feats = [torch.randn(1, 12, 64 // s, 64 // s) for s in (4, 8, 16)]
    rois = random_rois(6, 64, 64, seed=2).float()
    with torch.no_grad():
        with torch.autocast('cpu', torch.bfloat16):
            maps = built.maps(feats)
            reading, (sides, deltas) = built.read(maps, rois), built.pool(maps, rois)
        exact, (wide, wide_deltas) = built.read(maps, rois), built.pool(maps, rois)
    assert not any(torch.equal(x, x.bfloat16().float()) for x in (sides.mask_logit, reading.mask_logit, deltas))
    assert all(torch.equal(a, b) for a, b in zip((*reading, *sides, deltas), (*exact, *wide, wide_deltas), strict=True))


def test_a_foreign_key_is_refused():
    weights = golden_state_dict({'conv_new_1_weight': [4, 3, 1, 1], 'conv_new_1_bias': [4]}, seed=0, gain=1.0)
    with pytest.raises(UserError, match='rpn_cls_score_weight'):
        convert_fcis_head({**weights, 'rpn_cls_score_weight': torch.zeros(1)}, 'msracver')
    with pytest.raises(UserError, match='conv_new_1_weight'):
        convert_fcis_head(weights, 'chainercv')
    with pytest.raises(ValueError, match="convention='mxnet'"):
        convert_fcis_head(weights, 'mxnet')


def test_box_channels_change_their_order():
    channel = torch.arange(2 * 4 * 9)
    moved = x_before_y(channel, group_size=3).reshape(2, 4, 9)
    assert torch.equal(moved, channel.reshape(2, 4, 9)[:, Y_X])
    with pytest.raises(ValueError, match='72 channels'):
        x_before_y(channel)


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(preset='mxnet'), ["preset='mxnet'", 'chainercv']),
    (dict(in_levels=[0, 1]), ['in_levels=[0, 1]', 'featmap_strides=[16]']),
    (dict(in_levels=[], featmap_strides=[]), ['in_levels=[]']),
    (dict(num_passes=0), ['num_passes=0']),
])
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError) as error:
        head(**kwargs)
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(in_levels=[3]), ['in_levels=[3]', '2 maps', '(12, 4, 4)']),
    (dict(in_channels=16), ['in_channels=16', 'map -1', '12 channels']),
    (dict(featmap_strides=[8]), ['featmap_strides=[8]', '(4, 4)', '(64, 64)', 'dilations']),
])
def test_maps_that_do_not_fit_are_named_on_both_sides(kwargs, words):
    with pytest.raises(ValueError) as error:
        head(**kwargs).maps([torch.zeros(1, 12, 8, 8), torch.zeros(1, 12, 4, 4)], [dict(batch_input_shape=(64, 64))])
    assert all(word in str(error.value) for word in words), error.value


def test_forward_gives_the_network_s_outputs():
    proposals = [InstanceData(bboxes=random_rois(n, 64, 64, n)[:, 1:].float()) for n in (2, 3)]
    cls, box, mask = head()([torch.randn(2, 12, 4, 4)], proposals)
    assert (cls.shape, box.shape, mask.shape) == ((5, 4), (5, 4), (5, 2, 21, 21))


def test_the_former_argument_still_works_and_says_what_to_write():
    with pytest.warns(FutureWarning, match="of FCISHead .*write preset='chainercv'"):
        assert head(convention='chainercv').box_mode == 'half_open'
