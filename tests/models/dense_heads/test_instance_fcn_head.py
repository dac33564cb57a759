"""InstanceFCN's head and detector: losses on every kind of batch, targets, proposals, the image pyramid, errors."""

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.registry import DefaultScope
from tiny_models import CHANNELS, CONFIGS, batch, build, check_training_step, losses_of, predictions_of, tiny_config

from mmseg_plugins.config.load import load_config
from mmseg_plugins.models.dense_heads import InstanceFCNHead
from mmseg_plugins.ops.assemble import assemble

SMALL = {name: f'instancefcn/instancefcn_r18-k5_{name}.py' for name in ('1500it_shapes', '1000it-crop256_nuclei')}
CASES = {
    'objects in both images': [[[4, 4, 30, 40], [20, 20, 60, 60]], [[0, 0, 64, 64]]],
    'no ground truth': [[], []],
    'half-empty batch': [[[4, 4, 30, 40]], []],
    'one-pixel objects': [[[10, 10, 11, 11]], [[0, 0, 1, 1], [63, 63, 64, 64]]],
}
TRAIN = dict(
    assigner=dict(type='mmseg_plugins.WindowAssigner', scale_positive=2**0.5, open_ended=True),
    sampler=dict(type='mmdet.RandomSampler', num=64, pos_fraction=0.5, add_gt_as_proposals=False))


def paper_model(k=5):
    """The paper's network, narrow, without its ImageNet weights."""
    return build(load_config(CONFIGS / f'instancefcn/instancefcn_vgg16-k{k}_40k_voc.py', {
        'model.backbone.base_channels': 4, 'model.backbone.init_cfg': None, 'model.mask_head.in_channels': 32,
        'model.mask_head.feat_channels': 8, 'model.test_cfg.nms_pre': 60}))


def head(**kwargs):
    options = dict(in_channels=4, feat_channels=6, strides=[4, 8], positions=3, window_size=9, train_cfg=TRAIN,
                   test_cfg=dict(nms_pre=50))
    with DefaultScope.overwrite_default_scope('mmdet'):
        return InstanceFCNHead(**{**options, **kwargs})


@pytest.fixture(scope='module')
def models():
    return {name: build(tiny_config(path, neck__in_channels=CHANNELS)) for name, path in SMALL.items()} | {
        'paper': paper_model()}


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('name', [*SMALL, 'paper'])
def test_training_step(models, name, case):
    models[name].zero_grad(set_to_none=True)
    check_training_step(models[name], batch(CASES[case]))


@pytest.mark.parametrize('name', [*SMALL, 'paper'])
def test_masks_have_the_size_of_the_image_even_when_odd(models, name):
    for result in predictions_of(models[name], batch([[], []], size=(53, 39))):
        assert len(result) > 0
        assert result.masks.shape == (len(result), 53, 39)
        assert result.masks.flatten(1).any(1).all()
        assert (result.labels == 0).all()
        assert (result.scores[:-1] >= result.scores[1:]).all()


@pytest.mark.parametrize('k', [3, 7])
def test_ablation_configs_change_the_number_of_maps(k):
    assert paper_model(k).mask_head.score_maps.out_channels == k * k


def test_losses_start_at_log_2_for_objectness_and_mask(models):
    losses = losses_of(build(tiny_config(SMALL['1500it_shapes'], neck__in_channels=CHANNELS)),
                       batch(CASES['objects in both images']))
    for loss in losses.values():
        assert loss.item() == pytest.approx(0.693, abs=0.05)


def test_ignored_objects_give_no_negative_window():
    model = head(strides=[8], upsample_factor=1)
    data = batch([[]])
    sample = data['data_samples'][0]
    sample.set_metainfo(dict(batch_input_shape=(64, 64)))
    x = [torch.randn(1, 4, 8, 8)]
    sample.ignored_instances.bboxes = torch.tensor([[0.0, 0, 64, 64], [20, 20, 44, 44]])
    sample.ignored_instances.labels = torch.zeros(2).long()
    assigned = model.assigner
    seen = []
    model.assigner = type('Spy', (), {'assign': lambda _, *args: seen.append(assigned.assign(*args)) or seen[-1]})()
    model.loss(x, [sample])
    assert (seen[0].gt_inds == -1).any()
    assert not (seen[0].gt_inds > 0).any()


def test_mask_targets_are_the_object_cropped_to_the_window():
    """Every positive window, painted back at its place, is the object's mask where the window shows it."""
    model = head(strides=[4], window_size=15)
    truth = batch([[[16, 20, 40, 44]]])['data_samples'][0].gt_instances
    maps = [torch.randn(1, 9, 16, 16)]
    places, boxes = model.windows(maps)
    from mmengine.structures import InstanceData
    result = model.assigner.assign(InstanceData(priors=boxes), truth)
    positive = (result.gt_inds > 0).nonzero()[:, 0]
    assert len(positive) > 0
    logits, targets, inside = model._masks_of(maps, 0, places[positive], result.gt_inds[positive] - 1, truth)
    cells = torch.zeros(16, 16)
    cells[5:11, 4:10] = 1
    for n, (_, top, left) in enumerate(places[positive].tolist()):
        for p in range(15):
            for q in range(15):
                y, x = top + p, left + q
                on_map = 0 <= y < 16 and 0 <= x < 16
                assert inside[n, p, q] == on_map
                assert targets[n, p, q] == (cells[y, x] if on_map else 0)
    windows = torch.cat([torch.zeros_like(places[positive][:, :1]), places[positive][:, 1:]], 1)
    assert torch.equal(logits, assemble(maps[0], windows, 15))


def test_windows_in_the_padding_are_not_used():
    model = head(strides=[4])
    maps = [torch.zeros(1, 9, 16, 16)], [torch.randn(1, 1, 16, 16)]
    found = model.candidates(*maps, 0, (30, 64), (1.0, 1.0))
    centers = (found.windows[:, 1] + found.windows[:, 3]) / 2
    assert len(found) == 50
    assert (centers < 30).all()


def test_candidates_are_those_with_the_highest_objectness_over_all_levels():
    model = head()
    objectness = [torch.randn(2, 1, 16, 16), torch.randn(2, 1, 8, 8)]
    scores = [torch.randn(2, 9, 16, 16), torch.randn(2, 9, 8, 8)]
    found = model.candidates(scores, objectness, 1, (64, 64), (2.0, 1.0))
    every = torch.cat([level[1].flatten() for level in objectness]).sigmoid()
    torch.testing.assert_close(found.scores, every.sort(descending=True)[0][:50])
    first = int(every.argmax())
    places, boxes = model.windows(scores)
    torch.testing.assert_close(found.windows[0], boxes[first] / torch.tensor([2.0, 1, 2, 1]))
    level, top, left = places[first].tolist()
    window = assemble(scores[level], torch.tensor([[1, top, left]]), 9, -1e4)[0].sigmoid()
    torch.testing.assert_close(found.probs[0], window)


def test_a_pyramid_of_one_scale_is_the_single_scale_result(models):
    model = models['paper']
    data = batch([[]], size=(64, 48))
    model.test_cfg.scales = [1.0]
    one = predictions_of(model, data)[0]
    model.eval()
    processed = model.data_preprocessor(data, False)
    with torch.no_grad():
        plain = model.mask_head.predict(model.extract_feat(processed['inputs']), processed['data_samples'], True)[0]
    assert torch.equal(one.masks, plain.masks)
    torch.testing.assert_close(one.scores, plain.scores)


def test_scales_of_the_pyramid_add_windows_of_other_sizes(models):
    model = models['paper']
    data = batch([[]], size=(64, 48))
    sides = set()
    plain = model.mask_head.proposals
    model.mask_head.proposals = lambda found, size: sides.update(
        (found.windows[:, 2] - found.windows[:, 0]).round().int().tolist()) or plain(found, size)
    model.test_cfg.scales = [0.5, 1.0, 2.0]
    predictions_of(model, data)
    del model.mask_head.proposals
    assert sides == {84, 168, 336}


def test_bfloat16_forward(models):
    model = models['1500it_shapes']
    data = model.data_preprocessor(batch([[[4, 4, 30, 40]], []]), True)
    model.train()
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(data['inputs'], data['data_samples'])
    assert all(loss.isfinite() for loss in losses.values())
    model.eval()
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        assert model.predict(data['inputs'], data['data_samples'])[0].pred_instances.scores.isfinite().all()


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(strides=[4, 6], upsample_factor=4), ['upsample_factor=4', '(4, 6)']),
    (dict(positions=5, window_size=4), ['window_size=4', 'positions=5']),
])
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError) as error:
        head(**kwargs)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize('sampler', [dict(type='mmdet.RandomSampler', num=64, pos_fraction=0.5),
                                     dict(type='mmdet.RandomSampler', num=64, pos_fraction=0.5,
                                          add_gt_as_proposals=True)])
def test_a_sampler_that_adds_the_objects_to_the_windows_is_refused(sampler):
    with pytest.raises(ValueError, match=r'RandomSampler.*train_cfg.sampler.add_gt_as_proposals=False'):
        head(train_cfg=dict(TRAIN, sampler=sampler))


@pytest.mark.parametrize('maps', [[torch.zeros(1, 4, 8, 8)], [torch.zeros(1, 5, 8, 8)] * 2, torch.zeros(1, 4, 8, 8)])
def test_other_maps_than_asked_for_are_named(maps):
    with pytest.raises(ValueError, match='2 maps of 4 channels, but backbone and neck give'):
        head()(maps)


def test_the_pyramid_detector_refuses_other_heads():
    with DefaultScope.overwrite_default_scope('mmdet'), pytest.raises(ValueError, match='PSENetHead'):
        MODELS.build(dict(
            type='mmseg_plugins.InstanceFCN', backbone=dict(type='mmseg_plugins.VGG', base_channels=1),
            mask_head=dict(type='mmseg_plugins.PSENetHead', in_channels=[8]), test_cfg=dict()))
