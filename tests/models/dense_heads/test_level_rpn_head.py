"""The RPN that reads chosen maps and counts pixels by convention."""

import pytest
import torch
from mmdet.models.dense_heads import RPNHead
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from mmseg_plugins.models.dense_heads import LevelRPNHead

TRAIN = ConfigDict(
    assigner=dict(type='mmdet.MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3),
    sampler=dict(type='mmdet.RandomSampler', num=64, pos_fraction=0.5, add_gt_as_proposals=False),
    allowed_border=-1,
    pos_weight=-1)
TEST = ConfigDict(nms_pre=50, max_per_img=10, nms=dict(type='nms', iou_threshold=0.7, offset=1), min_bbox_size=1)
CODER = dict(type='mmseg_plugins.InclusiveDeltaXYWHBBoxCoder')
METAS = [dict(img_shape=(64, 64), pad_shape=(64, 64))]


def rpn(kind=LevelRPNHead, strides=(16, ), **kwargs):
    torch.manual_seed(0)
    return kind(
        in_channels=8,
        feat_channels=8,
        anchor_generator=dict(type='mmseg_plugins.RoundedAnchorGenerator', scales=[1, 2], ratios=[1.0],
                              strides=list(strides)),
        bbox_coder=CODER,
        train_cfg=TRAIN,
        test_cfg=TEST,
        **kwargs)


@pytest.fixture(autouse=True)
def mmdet_scope():
    from mmengine.registry import DefaultScope
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def maps(channels=(8, 8, 8), sizes=(16, 8, 4)):
    torch.manual_seed(1)
    return [torch.randn(1, c, s, s) for c, s in zip(channels, sizes, strict=True)]


def test_it_is_the_stock_rpn_on_the_chosen_maps():
    feats = maps()
    ours, stock = rpn(in_levels=[2]), rpn(RPNHead)
    for got, want in zip(ours(feats), stock(feats[2:]), strict=True):
        assert torch.equal(got[0], want[0])
    ours, stock = rpn(in_levels=[2, 0], strides=(16, 4)), rpn(RPNHead, strides=(16, 4))
    for got, want in zip(ours(feats), stock([feats[2], feats[0]]), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))
    ours, stock = rpn(strides=(4, 8, 16)), rpn(RPNHead, strides=(4, 8, 16))
    assert all(torch.equal(a, b) for a, b in zip(ours(feats)[0], stock(feats)[0], strict=True))


@pytest.mark.parametrize(('convention', 'shift'), [('msracver', 1), ('chainercv', 0)])
def test_objects_are_counted_by_the_convention(convention, shift):
    """Half-open 16..32 is 16..31 inclusive: an anchor of stride 16, so that its deltas are all zero."""
    ours = rpn(in_levels=[2], convention=convention)
    scores, deltas = [torch.zeros(1, 2, 4, 4)], [torch.zeros(1, 8, 4, 4)]
    gt = InstanceData(bboxes=torch.tensor([[16.0, 16, 31 + shift, 31 + shift]]), labels=torch.zeros(1).long())
    kept = gt.bboxes.clone()
    losses = ours.loss_by_feat(scores, deltas, [gt], METAS)
    assert sum(losses['loss_rpn_bbox']) == 0
    assert torch.equal(gt.bboxes, kept)
    other = rpn(in_levels=[2], convention='chainercv' if shift else 'msracver')
    assert sum(other.loss_by_feat(scores, deltas, [gt], METAS)['loss_rpn_bbox']) > 0


def test_outputs_are_float32_under_autocast():
    ours = rpn(in_levels=[2]).eval()
    with torch.autocast('cpu', torch.bfloat16), torch.no_grad():
        scores, deltas = ours(maps())
        results = ours.predict_by_feat(scores, deltas, batch_img_metas=METAS)
    assert scores[0].dtype == deltas[0].dtype == torch.float32
    assert len(results[0]) > 0


@pytest.mark.parametrize(('kwargs', 'feats', 'words'), [
    (dict(in_levels=[3]), maps(), ['in_levels=[3]', '3 maps', '(8, 16, 16)']),
    (dict(), maps(), ['1 entries', '3 maps', 'in_levels']),
    (dict(in_levels=[0]), maps((16, 8, 8)), ['in_channels=8', '[16] channels']),
])
def test_maps_that_do_not_fit_are_named_on_both_sides(kwargs, feats, words):
    with pytest.raises(ValueError) as error:
        rpn(**kwargs)(feats)
    assert all(word in str(error.value) for word in words), error.value


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r'in_levels=\[0, 1\] names 2 maps.*1 entries'):
        rpn(in_levels=[0, 1])
    with pytest.raises(ValueError, match="convention='voc'"):
        rpn(convention='voc')
