"""Mean IoU for the samples of both hosts, and the IoU of all objects together."""

import pytest
import torch
from mmseg.evaluation import IoUMetric

from mmseg_plugins.evaluation.class_scores import ClassScores
from mmseg_plugins.evaluation.level_metrics import ForegroundIoUMetric, SemanticIoUMetric
from mmseg_plugins.utils.errors import UserError

META = dict(classes=('cat', 'dog', 'sky'), thing_classes=('cat', 'dog'))
TRUTH = torch.tensor([[[0, 0, 1, 1], [2, 2, 1, 255]]])
FOUND = torch.tensor([[[0, 2, 1, 1], [2, 0, 1, 0]]])


def scores(metric, *samples, meta=META):
    metric.dataset_meta = meta
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_label_maps_of_both_hosts_and_of_panoptic_models_have_the_numbers_of_mmseg():
    mmseg = dict(pred_sem_seg=dict(data=FOUND), gt_sem_seg=dict(data=TRUTH))
    mmdet = dict(pred_sem_seg=dict(sem_seg=FOUND), gt_sem_seg=dict(sem_seg=TRUTH))
    panoptic = dict(pred_panoptic_seg=dict(sem_seg=torch.where(FOUND < 2, FOUND + 3000, FOUND)),
                    gt_sem_seg=dict(sem_seg=TRUTH))
    host = scores(IoUMetric(), mmseg)
    assert host['mIoU'] == pytest.approx(100 * (1 / 3 + 3 / 3 + 1 / 3) / 3, abs=0.01)
    for sample in (mmseg, mmdet, panoptic):
        assert scores(SemanticIoUMetric(), sample) == host
    classes = ClassScores()
    scores(classes, mmdet)
    assert [round(row[1], 2) for row in classes.rows] == [33.33, 100.0, 33.33]


def test_void_of_a_panoptic_map_is_wrong():
    sample = dict(pred_panoptic_seg=dict(sem_seg=torch.full((1, 1, 4), 3)),
                  gt_sem_seg=dict(sem_seg=torch.tensor([[[0, 0, 2, 2]]])))
    assert scores(SemanticIoUMetric(), sample)['aAcc'] == 0


MASKS = torch.tensor([[[1, 0, 0, 0], [0, 0, 0, 0]], [[0, 0, 1, 1], [0, 1, 0, 0]], [[1] * 4] * 2]).bool()


@pytest.mark.parametrize('found', [
    dict(pred_foreground=dict(sem_seg=torch.tensor([[[1, 0, 1, 1], [0, 1, 0, 1]]]))),
    dict(pred_panoptic_seg=dict(sem_seg=torch.tensor([[[1000, 3, 1001, 1001], [2, 2000, 2, 3001]]]))),
    dict(pred_instances=dict(masks=MASKS, scores=torch.tensor([0.9, 0.5, 0.4]))),
])
def test_objects_of_each_kind_of_prediction(found):
    """True: 5 pixels of things, one ignored; found: 4 of the rest, 3 of them true."""
    values = scores(ForegroundIoUMetric(), {**found, 'gt_sem_seg': dict(sem_seg=TRUTH)})
    assert values == pytest.approx({'foreground/IoU': 100 * 3 / 6, 'foreground/precision': 100 * 3 / 4,
                                    'foreground/recall': 100 * 3 / 5})


def test_instances_are_ground_truth_where_no_label_map_is():
    sample = dict(pred_foreground=dict(sem_seg=MASKS[:1].long()), gt_instances=dict(masks=MASKS[:2]))
    assert scores(ForegroundIoUMetric(prefix='object'), sample)['object/IoU'] == 25


def test_no_pixel_found_and_none_there_is_zero():
    empty = torch.zeros(1, 2, 2, dtype=torch.long)
    sample = dict(pred_foreground=dict(sem_seg=empty), gt_sem_seg=dict(sem_seg=empty + 2))
    assert set(scores(ForegroundIoUMetric(), sample).values()) == {0.0}


@pytest.mark.parametrize(('metric', 'sample', 'meta', 'text'), [
    (SemanticIoUMetric, dict(pred_instances={}), META, 'gives pred_instances and no label map.*Fix: '),
    (SemanticIoUMetric, dict(pred_sem_seg=dict(data=FOUND)), META, 'hold nothing and no gt_sem_seg.*Fix: '),
    (SemanticIoUMetric, dict(pred_sem_seg=dict(data=FOUND), gt_sem_seg=dict(data=TRUTH[:, :1])), META,
     'label map is 2 x 4, the true one 1 x 4.*Fix: '),
    (ForegroundIoUMetric, dict(pred_sem_seg=dict(data=FOUND)), META, 'gives pred_sem_seg and no objects.*Fix: '),
    (ForegroundIoUMetric, dict(pred_foreground=dict(sem_seg=FOUND)), META, 'hold nothing and no true objects.*Fix: '),
    (ForegroundIoUMetric, dict(pred_foreground=dict(sem_seg=FOUND), gt_sem_seg=dict(sem_seg=TRUTH)),
     dict(classes=META['classes']), 'not which classes are things.*Fix: '),
])  # fmt: skip
def test_what_is_absent_is_named(metric, sample, meta, text):
    with pytest.raises(UserError, match=text):
        scores(metric(), sample, meta=meta)


def test_a_score_is_a_share():
    with pytest.raises(UserError, match=r'score_thr=5 must lie in 0..1.*Fix: '):
        ForegroundIoUMetric(score_thr=5)
