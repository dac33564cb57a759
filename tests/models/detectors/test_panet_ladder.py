"""The ladder's detectors, cut down: edge cases of the data, odd sizes, prediction, low precision."""

import pytest
import torch
from mmengine.structures import InstanceData
from tiny_models import CHANNELS, batch, build, check_training_step, predictions_of, tiny_config

RUNGS = [
    'mask-rcnn_r18-gnfpn', 'panet_r18-path', 'panet_r18-path-pooling', 'panet_r18-path-pooling-fusion',
    'panet_r18-path-pooling-fusion-4conv1fc'
]
SETTINGS = {'nuclei': '1000it-crop256', 'shapes': '1500it'}
TINY = dict(
    neck__in_channels=CHANNELS,
    test_cfg__rcnn__score_thr=0.0,
    test_cfg__rcnn__max_per_img=5,
    train_cfg__rcnn__sampler__num=16,
    train_cfg__rpn_proposal__max_per_img=20,
    test_cfg__rpn__max_per_img=20)
CASES = {
    'objects in both images': [[[4, 4, 30, 40], [20, 20, 60, 60]], [[0, 0, 64, 64]]],
    'no ground truth': [[], []],
    'half-empty batch': [[[4, 4, 30, 40]], []],
    'one-pixel objects': [[[10, 10, 11, 11]], [[0, 0, 1, 1], [63, 63, 64, 64]]],
}


def rung(name, data='shapes'):
    folder = 'quickstart' if (name, data) == ('panet_r18-path', 'shapes') else 'panet'
    return build(tiny_config(f'{folder}/{name}_{SETTINGS[data]}_{data}.py', **TINY))


@pytest.fixture(scope='module')
def models():
    return {name: rung(name) for name in RUNGS}


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('name', RUNGS)
def test_training_step(models, name, case):
    model = models[name]
    model.zero_grad(set_to_none=True)
    check_training_step(model, batch(CASES[case]))


@pytest.mark.parametrize('name', RUNGS)
def test_masks_have_the_size_of_the_image_even_when_odd(models, name):
    for result in predictions_of(models[name], batch([[], []], size=(53, 39))):
        assert len(result) > 0
        assert result.masks.shape == (len(result), 53, 39)
        assert result.scores.isfinite().all()
        assert result.bboxes.isfinite().all()


def test_no_detection_gives_empty_masks(models):
    model = rung(RUNGS[3])
    model.test_cfg.rcnn.score_thr = 2.0
    model.roi_head.test_cfg.score_thr = 2.0
    result = predictions_of(model, batch([[]]))[0]
    assert len(result) == 0
    assert result.masks.shape == (0, 64, 64)


def test_bfloat16_forward(models):
    """Neck, extractors and heads; the stock RPN is left out: mmcv's NMS takes no bfloat16."""
    model = models[RUNGS[4]]
    data = model.data_preprocessor(batch([[[4, 4, 30, 40]], []]), True)
    proposals = [InstanceData(bboxes=torch.tensor([[2.0, 3, 33, 41], [30, 30, 50, 60]]), scores=torch.ones(2),
                              labels=torch.zeros(2, dtype=torch.long)) for _ in range(2)]
    model.train()
    with torch.autocast('cpu', torch.bfloat16):
        feats = model.extract_feat(data['inputs'])
        losses = model.roi_head.loss(feats, proposals, data['data_samples'])
    assert feats[0].dtype == torch.bfloat16
    assert all(torch.isfinite(loss).all() for loss in losses.values())


def test_rungs_differ_by_the_component_they_add(models):
    def keys(name, part):
        return {k for k in models[name].state_dict() if k.startswith(part)}

    base, path, pooling, fusion, heavy = RUNGS
    assert keys(path, 'neck') - keys(base, 'neck')
    assert keys(path, 'roi_head') == keys(base, 'roi_head')
    assert keys(pooling, 'neck') == keys(path, 'neck')
    assert keys(pooling, 'roi_head') > keys(path, 'roi_head')
    added = keys(fusion, '') - keys(pooling, '')
    assert added
    assert all(k.startswith('roi_head.mask_head.fc_branch') for k in added)
    assert keys(heavy, 'roi_head.mask_head') == keys(fusion, 'roi_head.mask_head')


def test_both_data_sets_have_the_same_models():
    for name in RUNGS:
        nuclei, shapes = rung(name, 'nuclei'), rung(name, 'shapes')
        assert set(nuclei.state_dict()) == set(shapes.state_dict())
