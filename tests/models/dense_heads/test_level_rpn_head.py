"""The RPN that reads chosen maps and counts pixels by its box mode."""

import pytest
import torch
from mmdet.models.dense_heads import RPNHead
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from mmseg_plugins.models.dense_heads import LevelRPNHead
from mmseg_plugins.models.dense_heads.level_rpn_head import best_of_batch

TRAIN = ConfigDict(
    assigner=dict(type='mmdet.MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3),
    sampler=dict(type='mmdet.RandomSampler', num=64, pos_fraction=0.5, add_gt_as_proposals=False),
    allowed_border=-1,
    pos_weight=-1)
TEST = ConfigDict(nms_pre=50, max_per_img=10, nms=dict(type='nms', iou_threshold=0.7, offset=1), min_bbox_size=1)
INCLUSIVE = dict(type='mmseg_plugins.InclusiveDeltaXYWHBBoxCoder')
HALF_OPEN = dict(type='mmdet.DeltaXYWHBBoxCoder')
METAS = [dict(img_shape=(64, 64), pad_shape=(64, 64))]


def rpn(kind=LevelRPNHead, strides=(16, ), anchors='mmdet.AnchorGenerator', **kwargs):
    torch.manual_seed(0)
    settings = dict(
        in_channels=8,
        feat_channels=8,
        anchor_generator=dict(type=anchors, scales=[1, 2], ratios=[1.0], strides=list(strides)),
        train_cfg=TRAIN,
        test_cfg=TEST)
    return kind(**{**settings, **kwargs})


def inclusive(**kwargs):
    return rpn(anchors='mmseg_plugins.RoundedAnchorGenerator', box_mode='inclusive', bbox_coder=INCLUSIVE,
               in_levels=[2], **kwargs)


def half_open(**kwargs):
    centerd = dict(type='mmdet.AnchorGenerator', scales=[1, 2], ratios=[1.0], strides=[16], center_offset=0.5)
    return rpn(anchor_generator=centerd, in_levels=[2], **kwargs)


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


def one_object(*box):
    return InstanceData(bboxes=torch.tensor([box]), labels=torch.zeros(1).long())


def box_loss(built, gt, ignored=None):
    scores, deltas = [torch.zeros(1, 2, 4, 4)], [torch.zeros(1, 8, 4, 4)]
    return sum(built.loss_by_feat(scores, deltas, [gt], METAS, [ignored])['loss_rpn_bbox'])


@pytest.mark.parametrize('build', [inclusive, half_open])
def test_an_object_of_the_anchor_s_size_has_zero_deltas(build):
    """Half-open 16..32 is 16..31 inclusive: an anchor of stride 16 in either mode, by default too."""
    gt = one_object(16.0, 16, 32, 32)
    kept = gt.bboxes.clone()
    assert box_loss(build(), gt) == 0
    assert torch.equal(gt.bboxes, kept)
    assert box_loss(build(), one_object(16.0, 16, 31, 31)) > 0


@pytest.mark.parametrize('build', [inclusive, half_open])
def test_a_crowd_s_edge_is_counted_by_the_mode(build):
    """It covers half of an anchor, no more than the threshold asks for; a pixel further it does."""
    cfg = ConfigDict(TRAIN)
    overlaps = 'mmseg_plugins.InclusiveOverlaps' if build is inclusive else 'mmdet.BboxOverlaps2D'
    cfg.assigner = dict(TRAIN.assigner, ignore_iof_thr=0.5, iou_calculator=dict(type=overlaps))
    built = build(train_cfg=cfg)
    scores, deltas = [torch.full((1, 2, 4, 4), -30.0)], [torch.zeros(1, 8, 4, 4)]
    scores[0][0, 0, 1, 1] = 30.0  # a false alarm on the anchor 16..32, half-open
    losses = []
    for width in (8, 9):
        crowd = InstanceData(bboxes=torch.tensor([[16.0, 16, 16 + width, 32]]))
        kept = crowd.bboxes.clone()
        loss = built.loss_by_feat(scores, deltas, [one_object(48.0, 48, 64, 64)], METAS, [crowd])
        losses.append(sum(loss['loss_rpn_cls']).item())
        assert torch.equal(crowd.bboxes, kept)
    assert losses[0] == pytest.approx(2 * losses[1], rel=0.05)  # of a miss and the false alarm, the miss is left


@pytest.mark.parametrize(('mode', 'coder', 'fix'), [
    ('inclusive', HALF_OPEN, 'InclusiveDeltaXYWHBBoxCoder'),
    ('half_open', INCLUSIVE, "box_mode='inclusive'"),
    ('half_open', dict(type='mmdet.LegacyDeltaXYWHBBoxCoder'), 'DeltaXYWHBBoxCoder'),
])
def test_a_box_coder_of_another_mode_is_refused(mode, coder, fix):
    with pytest.raises(ValueError) as error:
        rpn(box_mode=mode, bbox_coder=coder)
    words = [f"box_mode='{mode}'", coder['type'].split('.')[-1], fix]
    assert all(word in str(error.value) for word in words), error.value


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
    with pytest.raises(ValueError, match="box_mode='voc'"):
        rpn(box_mode='voc')


@pytest.mark.parametrize(('former', 'mode'), [(dict(convention='msracver', bbox_coder=INCLUSIVE), 'inclusive'),
                                              (dict(convention='chainercv'), 'half_open')])
def test_the_former_argument_still_works_and_says_what_to_write(former, mode):
    with pytest.warns(FutureWarning, match=f"of LevelRPNHead .*write box_mode='{mode}'"):
        assert rpn(**former).box_mode == mode


def test_images_of_a_batch_share_the_proposals():
    scores = [torch.tensor([0.9, 0.5, 0.1]), torch.tensor([0.8, 0.7, 0.6])]
    boxes = [torch.arange(12.0).reshape(3, 4), torch.arange(12.0, 24.0).reshape(3, 4)]
    proposals = [InstanceData(bboxes=b, scores=s) for b, s in zip(boxes, scores, strict=True)]
    first, second = best_of_batch(proposals, 4)
    assert first.scores.tolist() == pytest.approx([0.9])
    assert second.scores.tolist() == pytest.approx([0.8, 0.7, 0.6])
    assert torch.equal(second.bboxes, boxes[1])
    assert [len(one) for one in best_of_batch(proposals, 100)] == [3, 3]
    assert [len(one) for one in best_of_batch([proposals[0][:0]] * 2, 5)] == [0, 0]


def test_training_hands_over_the_best_of_the_batch_and_tests_those_of_each_image():
    feats = [torch.cat([f, 2 * f]) for f in maps()]
    data = [DetDataSample(metainfo=dict(METAS[0])) for _ in range(2)]
    for sample in data:
        sample.gt_instances = InstanceData(bboxes=torch.tensor([[8.0, 8, 30, 30]]), labels=torch.tensor([0]))
    plain, shared = half_open(), half_open(max_per_batch=12)
    (losses, each), (same, cut) = (head.loss_and_predict(feats, data, TEST) for head in (plain, shared))
    assert len(each[0]) + len(each[1]) > 12
    assert sum(len(one) for one in cut) == 12
    least = torch.cat([one.scores for one in each]).topk(12).values[-1]
    assert all((one.scores >= least).all() for one in cut)
    assert all(torch.equal(a, b) for a, b in zip(losses['loss_rpn_cls'], same['loss_rpn_cls'], strict=True))
    found = [[len(one) for one in head.predict(feats, data)] for head in (plain, shared)]
    assert found[0] == found[1]


def test_a_batch_without_proposals_is_refused():
    with pytest.raises(ValueError, match='max_per_batch=0'):
        half_open(max_per_batch=0)
