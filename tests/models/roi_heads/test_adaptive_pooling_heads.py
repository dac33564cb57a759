"""PANet's RoI heads alone: the original's numbers, layouts, empty RoIs, low precision, errors."""

import pytest
import torch
import torch.nn.functional as F
from golden_cases import GoldenCase, golden_state_dict, part, rel_error
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmengine.config import ConfigDict
from official_panet import official_params

from mmseg_plugins.models.roi_heads import (
    AdaptivePooling2FCBBoxHead,
    AdaptivePooling4Conv1FCBBoxHead,
    AdaptivePoolingMaskHead,
)
from mmseg_plugins.weights.panet import background_last, convert_panet

GN8 = dict(type='GN', num_groups=8)
BOX_HEADS = {'2fc': AdaptivePooling2FCBBoxHead, '4conv1fc': AdaptivePooling4Conv1FCBBoxHead}


@pytest.fixture(autouse=True)
def mmdet_scope():
    from mmengine.registry import DefaultScope
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def box_head(kind, **kwargs):
    settings = dict(in_channels=16, conv_out_channels=16, fc_out_channels=32, num_classes=3, norm_cfg=GN8)
    return BOX_HEADS[kind](**{**settings, **kwargs})


def mask_head(**kwargs):
    settings = dict(in_channels=16, conv_out_channels=16, num_classes=3, norm_cfg=GN8, roi_feat_size=6)
    return AdaptivePoolingMaskHead(**{**settings, **kwargs})


def pooled(case):
    levels = case.facts['config']['num_levels']
    return torch.stack([case.arrays[f'pooled_{i}'] for i in range(levels)], dim=1)


def our_scores(case):
    """The case's outputs with background moved last and dropped from the boxes, as here."""
    return background_last(case.arrays['cls_logit'].T).T, case.arrays['bbox_pred'][:, 4:]


@pytest.mark.golden
@pytest.mark.parametrize('kind', ['2fc', '4conv1fc'])
def test_box_head_agrees_with_the_original(kind):
    case = GoldenCase(f'panet_box_head_{kind}')
    config = case.facts['config']
    head = BOX_HEADS[kind](
        in_channels=config['in_channels'],
        conv_out_channels=config['conv_channels'] or config['in_channels'],
        num_levels=config['num_levels'],
        roi_feat_size=config['roi_size'],
        fc_out_channels=config['fc_channels'],
        num_classes=config['num_classes_with_background'] - 1)
    head.load_state_dict(part(convert_panet(case.weights), 'roi_head.bbox_head.'), strict=True)
    with torch.no_grad():
        scores, deltas = head(pooled(case))
        feature = head.features(pooled(case))
    want_scores, want_deltas = our_scores(case)
    assert rel_error(deltas, want_deltas) <= case.tolerance
    assert rel_error(scores, want_scores) <= case.tolerance
    # The background slot of the boxes is not kept: it is compared through the original's own weights.
    background = F.linear(feature, case.weights['Box_Outs.bbox_pred.weight'][:4],
                          case.weights['Box_Outs.bbox_pred.bias'][:4])
    logit = torch.roll(scores, 1, 1)
    case.check(dict(
        feature=feature, cls_logit=logit, cls_prob=logit.softmax(1), bbox_pred=torch.cat([background, deltas], 1)))


@pytest.mark.golden
def test_mask_head_agrees_with_the_original():
    case = GoldenCase('panet_mask_head')
    config = case.facts['config']
    head = AdaptivePoolingMaskHead(
        in_channels=config['in_channels'],
        conv_out_channels=config['conv_channels'],
        num_classes=config['num_classes_with_background'] - 1,
        num_levels=config['num_levels'],
        roi_feat_size=config['roi_size'],
        norm_cfg=dict(type='GN', num_groups=config['num_groups']))
    head.load_state_dict(part(convert_panet(case.weights), 'roi_head.mask_head.'), strict=True)
    seen = {}
    head.conv_logits.register_forward_pre_hook(lambda module, args: seen.update(fcn=args[0]))
    head.fc_branch.register_forward_hook(lambda module, args, out: seen.update(fc=out))
    with torch.no_grad():
        logits = head(pooled(case))
        # The background channel is not kept: it is compared through the original's own weights.
        background = F.conv2d(seen['fcn'], case.weights['Mask_Outs.classify.weight'][:1],
                              case.weights['Mask_Outs.classify.bias'][:1]) + seen['fc']
    assert rel_error(logits, case.arrays['mask_logit'][:, 1:]) <= case.tolerance
    full = torch.cat([background, logits], 1)
    case.check({
        'fcn_feature': seen['fcn'],
        'fc_branch': seen['fc'].flatten(1),
        'mask_logit': full,
        'mask_prob': full.sigmoid(),
    })


def official_mask_forward(weights, levels, groups):
    """The released mask branch, written down from its description; (N, K + 1, m, m) logits."""

    def block(name, x, i=0):
        w = weights[f'Mask_Head.{name}.{i}.weight']
        x = F.conv2d(x, w, padding=1)
        scale, shift = (weights[f'Mask_Head.{name}.{i + 1}.{p}'] for p in ('weight', 'bias'))
        return F.group_norm(x, groups, scale, shift).relu()

    x = torch.stack([block(f'mask_conv1.{i}', level) for i, level in enumerate(levels)]).amax(0)
    x = block('conv_fcn', block('conv_fcn', x), 3)
    main = F.conv_transpose2d(
        block('mask_conv4', x), weights['Mask_Head.upconv.weight'], weights['Mask_Head.upconv.bias'], stride=2).relu()
    main = F.conv2d(main, weights['Mask_Outs.classify.weight'], weights['Mask_Outs.classify.bias'])
    side = block('mask_conv5_fc', block('mask_conv4_fc', x)).flatten(1)
    side = F.linear(side, weights['Mask_Head.mask_fc.0.weight'], weights['Mask_Head.mask_fc.0.bias']).relu()
    return main + side.view(-1, 1, *main.shape[-2:])


@pytest.mark.parametrize(('seed', 'channels', 'size', 'rois'), [(3, 32, 6, 5), (4, 16, 10, 1)])
def test_mask_head_agrees_with_a_transcription_at_other_seeds_and_sizes(seed, channels, size, rois):
    torch.manual_seed(seed)
    swap = {256: channels, 128: channels // 2, 784: 4 * size**2, 128 * 196: channels // 2 * size**2}
    params = {key: [swap.get(side, side) for side in shape] for key, shape in official_params(5).items()
              if key.startswith('Mask_')}
    weights = {k: v.double() for k, v in golden_state_dict(params, seed, 2.0).items()}
    head = AdaptivePoolingMaskHead(
        in_channels=channels, conv_out_channels=channels, num_classes=4, norm_cfg=GN8, roi_feat_size=size).double()
    head.load_state_dict(part(convert_panet(weights), 'roi_head.mask_head.'), strict=True)
    levels = torch.randn(4, rois, channels, size, size, dtype=torch.float64)
    with torch.no_grad():
        assert rel_error(head(levels.transpose(0, 1)), official_mask_forward(weights, levels, 8)[:, 1:]) < 1e-12


@pytest.mark.parametrize('kind', ['2fc', '4conv1fc'])
def test_fusion_is_the_maximum_over_levels_of_their_own_layers(kind):
    head = box_head(kind)
    x = torch.randn(3, 4, 16, 7, 7)
    want = torch.stack([layer(x[:, i]) for i, layer in enumerate(head.fusion.levels)]).amax(0)
    torch.testing.assert_close(head.fusion(x), want)
    weights = [next(layer.parameters()) for layer in head.fusion.levels]
    assert not torch.equal(weights[0], weights[1])


@pytest.mark.parametrize('kind', ['2fc', '4conv1fc'])
@pytest.mark.parametrize('norm', [None, GN8, dict(type='BN')])
def test_one_level_box_head_reads_a_stock_extractor_with_any_norm(kind, norm):
    head = box_head(kind, num_levels=1, norm_cfg=norm)
    scores, deltas = head(torch.randn(5, 16, 7, 7))
    assert scores.shape == (5, 4)
    assert deltas.shape == (5, 12)


@pytest.mark.parametrize(('fc_fusion', 'num_levels'), [(True, 1), (False, 1), (False, 4), (True, 4)])
def test_the_rungs_of_the_mask_head_compose(fc_fusion, num_levels):
    head = mask_head(fc_fusion=fc_fusion, num_levels=num_levels)
    assert (head.fc_branch is not None) == fc_fusion
    x = torch.randn(2, num_levels, 16, 6, 6)
    assert head(x[:, 0] if num_levels == 1 else x).shape == (2, 3, 12, 12)


@pytest.mark.parametrize(('settings', 'size'), [
    (dict(upsample_cfg=dict(type=None)), 6),
    (dict(upsample_cfg=dict(type='bilinear', scale_factor=4)), 24),
    (dict(class_agnostic=True), 12),
    (dict(num_convs=1), 12),
    (dict(fusion_start=2), 12),
])
def test_fully_connected_map_takes_the_size_of_the_mask(settings, size):
    channels = 1 if settings.get('class_agnostic') else 3
    assert mask_head(**settings)(torch.randn(2, 4, 16, 6, 6)).shape == (2, channels, size, size)


def test_initial_weights_are_the_original_s():
    """Fully connected: caffe2 Xavier, 0.01 in the mask branch; convolutions: variance 2 / fan_out; scores 0.01."""
    torch.manual_seed(0)
    box, mask = box_head('4conv1fc'), mask_head(conv_out_channels=32)
    box.init_weights()
    mask.init_weights()
    bound = (3 / (16 * 49))**0.5
    assert 0.95 * bound < box.fcs[0].linear.weight.abs().max() <= bound
    assert not box.fcs[0].linear.bias.any()
    assert box.fc_cls.weight.std().item() == pytest.approx(0.01, rel=0.3)
    assert box.fc_reg.weight.std().item() == pytest.approx(0.001, rel=0.3)
    for conv in (*box.fusion.levels, *box.convs):
        assert conv.conv.weight.std().item() == pytest.approx((2 / (16 * 9))**0.5, rel=0.1)
    for conv in (*mask.convs[0].levels, *mask.convs[1:], mask.fc_branch.convs[0]):
        assert conv.conv.weight.std().item() == pytest.approx((2 / (32 * 9))**0.5, rel=0.1)
    assert mask.fc_branch.fc.weight.std().item() == pytest.approx(0.01, rel=0.1)


def test_class_agnostic_boxes():
    scores, deltas = box_head('2fc', reg_class_agnostic=True)(torch.randn(2, 4, 16, 7, 7))
    assert scores.shape == (2, 4)
    assert deltas.shape == (2, 4)


def test_one_class_starts_with_small_logits():
    head = mask_head(num_classes=1, fc_fusion=False)
    head.init_weights()
    assert head.conv_logits.weight.std() < 0.002


@pytest.mark.parametrize('build', [lambda: box_head('2fc'), lambda: box_head('4conv1fc'), mask_head])
def test_no_roi_gives_connected_zero_gradients(build):
    head = build()
    size = 6 if isinstance(head, AdaptivePoolingMaskHead) else 7
    out = head(torch.zeros(0, 4, 16, size, size))
    out = out if isinstance(out, torch.Tensor) else out[0].sum() + out[1].sum()
    out.sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in head.parameters())


@pytest.mark.parametrize('build', [lambda: box_head('2fc'), lambda: box_head('4conv1fc'), mask_head])
def test_one_roi_and_bfloat16(build):
    head = build().to(torch.bfloat16)
    size = 6 if isinstance(head, AdaptivePoolingMaskHead) else 7
    out = head(torch.randn(1, 4, 16, size, size, dtype=torch.bfloat16))
    out = out if isinstance(out, tuple) else (out, )
    assert all(o.dtype == torch.bfloat16 and o.isfinite().all() for o in out)


def test_gradcheck_of_the_mask_head():
    head = mask_head(in_channels=2, conv_out_channels=4, num_convs=2, norm_cfg=dict(type='GN', num_groups=1),
                     roi_feat_size=2, num_levels=2).double()
    x = torch.randn(2, 2, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(head, x)


def test_gradcheck_of_the_box_head():
    head = box_head('4conv1fc', in_channels=2, conv_out_channels=4, fc_out_channels=4, num_levels=2, roi_feat_size=2,
                    norm_cfg=dict(type='GN', num_groups=1)).double()
    x = torch.randn(2, 2, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(head, x)


INCLUSIVE = dict(
    box_mode='inclusive', bbox_coder=dict(type='mmseg_plugins.InclusiveDeltaXYWHBBoxCoder'), reg_class_agnostic=True)


def targets_of(head, prior, box):
    none = torch.zeros(0, 4)
    return head._get_targets_single(
        torch.tensor([prior]), none, torch.tensor([box]), torch.zeros(1).long(), ConfigDict(pos_weight=-1))[2]


def test_objects_are_counted_by_the_mode():
    """The pixels 10..29 are 10..30 half-open: nothing to correct for the proposal of the same pixels."""
    proposal, same, larger = [10.0, 10, 29, 29], [10.0, 10, 30, 30], [10.0, 10, 29, 29]
    inclusive = box_head('2fc', **INCLUSIVE)
    assert not targets_of(inclusive, proposal, same).any()
    assert targets_of(inclusive, proposal, larger).any()
    assert not targets_of(box_head('2fc'), same, same).any()  # half-open unless it is asked for


def detect(head, roi, rescale, scale):
    meta = dict(img_shape=(64, 128), ori_shape=(round(64 / scale[1]), round(128 / scale[0])), scale_factor=scale)
    roi, scores, deltas = torch.tensor([[0.0, *roi]]), torch.tensor([[9.0, 0, 0, 0]]), torch.zeros(1, 4)
    cfg = ConfigDict(score_thr=0.5, nms=dict(type='nms', iou_threshold=0.5), max_per_img=5)
    return head._predict_by_feat_single(roi, scores, deltas, meta, rescale, cfg).bboxes


@pytest.mark.parametrize(('roi', 'scale', 'rescale', 'box'), [
    ([10, 10, 29, 29], (1.0, 1.0), False, [10, 10, 30, 30]),
    ([100, 40, 127, 63], (1.0, 1.0), True, [100, 40, 128, 64]),  # at the border
    ([20, 20, 58, 58], (2.0, 2.0), True, [10, 10, 30, 30]),  # 10..29 of the original, enlarged
    ([20, 20, 58, 58], (2.0, 2.0), False, [20, 20, 60, 60]),  # its mask is drawn before it is scaled back
    ([100, 40, 130, 70], (2.0, 1.0), True, [50, 40, 64, 64]),
])
def test_detections_are_half_open(roi, scale, rescale, box):
    found = detect(box_head('2fc', **INCLUSIVE), roi, rescale, scale)
    torch.testing.assert_close(found, torch.tensor([box], dtype=torch.float32))


def test_detections_of_the_default_are_those_of_the_stock_head():
    head = box_head('2fc', reg_class_agnostic=True)
    stock = BBoxHead(num_classes=3, reg_class_agnostic=True)
    for rescale in (False, True):
        assert torch.equal(detect(head, [10, 10, 29, 29], rescale, (2.0, 2.0)),
                           detect(stock, [10, 10, 29, 29], rescale, (2.0, 2.0)))


def test_boxes_of_every_class_are_converted_where_all_are_asked_for():
    """Test-time augmentation asks for (N, 4 K) boxes before NMS; an image without proposals has none."""
    head = box_head('2fc', **{**INCLUSIVE, 'reg_class_agnostic': False})
    meta = dict(img_shape=(64, 64), ori_shape=(64, 64), scale_factor=(1.0, 1.0))
    rois, scores, deltas = torch.tensor([[0.0, 10, 10, 29, 29]]), torch.zeros(1, 4), torch.zeros(1, 12)
    found = head._predict_by_feat_single(rois, scores, deltas, meta)
    torch.testing.assert_close(found.bboxes, torch.tensor([[10.0, 10, 30, 30] * 3]))
    for cfg in (None, ConfigDict(score_thr=0.5, nms=dict(type='nms', iou_threshold=0.5), max_per_img=5)):
        assert len(head._predict_by_feat_single(rois[:0], scores[:0], deltas[:0], meta, False, cfg)) == 0


@pytest.mark.parametrize(('build', 'words'), [
    (lambda: box_head('2fc', norm_cfg=dict(type='GN', num_groups=32)), ['32 channels', 'one value a group', '<= 16']),
    (lambda: box_head('4conv1fc', norm_cfg=dict(type='GN', num_groups=12)), ['16 channels', '12 groups']),
    (lambda: mask_head(norm_cfg=dict(type='GN', num_groups=16)), ['half', '8 channels', '16 groups']),
    (lambda: box_head('2fc', box_mode='detectron'), ['AdaptivePooling2FCBBoxHead', 'detectron', 'inclusive']),
    (lambda: mask_head(fusion_start=5), ['fusion_start=5', '1..4']),
    (lambda: mask_head(num_convs=0), ['num_convs=0']),
    (lambda: mask_head(num_levels=0), ['num_levels=0']),
])
def test_bad_arguments_are_named(build, words):
    with pytest.raises(ValueError) as error:
        build()
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(('head', 'shape', 'words'), [
    (lambda: box_head('2fc'), (2, 16, 7, 7), ['num_levels=4', '(2, 1, 16, 7, 7)', 'AllLevelRoIExtractor']),
    (lambda: mask_head(num_levels=1), (2, 4, 16, 6, 6), ['num_levels=1', '(2, 4, 16, 6, 6)']),
    (lambda: box_head('2fc'), (2, 4, 16, 14, 14), ['roi_feat_size=(7, 7)', '(14, 14)']),
    (mask_head, (2, 4, 16, 14, 14), ['roi_feat_size=(6, 6)', '(14, 14)']),
])
def test_a_wrong_extractor_is_named_on_both_sides(head, shape, words):
    with pytest.raises(ValueError) as error:
        head()(torch.randn(shape))
    assert all(word in str(error.value) for word in words), error.value
