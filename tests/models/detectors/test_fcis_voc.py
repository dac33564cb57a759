"""The VOC configs and chainercv's conventions, cut down: training steps of every kind of batch, predictions."""

import pytest
from tiny_models import CHANNELS, batch, build, check_training_step, predictions_of, tiny_config

OBJECTS = [[[4, 4, 30, 40], [20, 20, 60, 60]], [[0, 0, 64, 64]]]
BATCHES = {'objects': OBJECTS, 'half-empty': [OBJECTS[0], []], 'empty': [[], []]}
NAMES = [
    'fcis_r101-dc5-random_4xb1-62k_sbd',
    'ablations/fcis_r101-dc5-random-k1_4xb1-62k_sbd',
    'ablations/fcis_r101-dc5-random-separate_4xb1-62k_sbd',
    'fcis_r101-dc5-random-chainercv_1xb1-236k_sbd',
    'fcis_r101-dc5-random-chainercv_8xb1-264k_coco',
]


@pytest.fixture(scope='module', params=NAMES)
def model(request):
    return build(tiny_config(
        f'fcis/{request.param}.py',
        rpn_head__in_channels=CHANNELS[2],
        rpn_head__feat_channels=16,
        rpn_head__anchor_generator__scales=[1, 2],
        roi_head__in_channels=CHANNELS[3],
        roi_head__feat_channels=16,
        roi_head__num_classes=2,
        train_cfg__rpn_proposal__max_per_img=20,
        test_cfg__rpn__max_per_img=20))


@pytest.mark.parametrize('objects', BATCHES.values(), ids=BATCHES)
def test_training_step(model, objects):
    model.zero_grad(set_to_none=True)
    check_training_step(model, batch(objects))


def test_prediction(model):
    for result in predictions_of(model, batch([[], []], (67, 93))):
        assert result.masks.shape == (len(result), 67, 93)
        assert (result.bboxes[:, 2:] > result.bboxes[:, :2]).all()
