"""Settings of predictions that the first validation would stop at are refused when the model is built."""

import copy

import pytest
from mmengine.registry import MODELS, DefaultScope
from toy_runs import detector_config, segmentor_config

from mmseg_plugins.engine.checks.prediction_settings import check_built_model
from mmseg_plugins.utils.errors import UserError


@pytest.fixture(scope='module')
def segmentor():
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(segmentor_config('data', 'run').model)


@pytest.fixture(scope='module')
def detector():
    with DefaultScope.overwrite_default_scope('mmdet'):
        return MODELS.build(detector_config('data', 'run').model)


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(mode='Whole'), r"mode='Whole' \(did you mean 'whole'\?\)"),
    (dict(mode='slide'), 'crop_size=None'),
    (dict(mode='slide', crop_size=(64, 64), stride=(0, 32)), r'stride=\(0, 32\).*at least 1'),
    (dict(mode='slide', crop_size=(64, 64), stride=(48, 65)), r'stride=\(48, 65\) is more than crop_size=\(64, 64\)'),
    (dict(mode='slide', crop_size=64, stride=32), 'crop_size=64.*height and width'),
])
def test_windows_of_a_segmentor(settings, words, segmentor, monkeypatch):
    monkeypatch.setattr(segmentor, 'test_cfg', settings)
    with pytest.raises(UserError, match=f'{words}.*Fix: '):
        check_built_model(segmentor)


@pytest.mark.parametrize(('key', 'value', 'words'), [
    ('score_thr', '0.05', "score_thr of model.roi_head is '0.05', a text"),
    ('nms', dict(type='nmss', iou_threshold=0.5), "type='nmss'.*of .*soft_nms"),
    ('nms', dict(type='nms', iou_threshold='0.5'), 'nms.iou_threshold of model.roi_head'),
])
def test_thresholds_and_suppression_of_a_detector(key, value, words, detector, monkeypatch):
    check_built_model(detector)
    settings = copy.deepcopy(detector.roi_head.test_cfg)
    settings[key] = value
    monkeypatch.setattr(detector.roi_head, 'test_cfg', settings)
    with pytest.raises(UserError, match=f'{words}.*Fix: '):
        check_built_model(detector)


def test_fitting_windows_pass(segmentor, monkeypatch):
    check_built_model(segmentor)
    monkeypatch.setattr(segmentor, 'test_cfg', dict(mode='slide', crop_size=(64, 32), stride=(64, 21)))
    check_built_model(segmentor)
