"""FCIS in stock detectors: training steps of every kind of batch, predictions, other backbones and necks."""

import copy

import pytest
import torch
from golden_cases import rel_error
from mmengine.structures import InstanceData
from tiny_models import CHANNELS, batch, build, check_training_step, losses_of, predictions_of, tiny_config

from mmseg_plugins.models.postprocess import mask_voting
from mmseg_plugins.models.roi_heads import fcis_head

OBJECTS = [[[4, 4, 30, 40], [20, 20, 60, 60]], [[0, 0, 64, 64]]]
BATCHES = {'objects': OBJECTS, 'half-empty': [OBJECTS[0], []], 'empty': [[], []], 'one pixel': [[[30, 31, 31, 32]], []]}
SMALL = ['fcis_r18-fpn', 'fcis_r18-fpn-random', 'fcis_r18-fpn-k1', 'fcis_r18-fpn-separate']
DC5 = ['fcis_r101-dc5_8xb1-240k_coco', 'fcis_r101-dc5-random_8xb1-240k_coco', 'fcis_r50-dc5-torchvision_8xb1-240k_coco']
NAMES = [f'{name}_1500it_shapes' for name in SMALL] + DC5
WIDTH = dict(
    rpn_head__feat_channels=16,
    roi_head__feat_channels=16,
    roi_head__num_classes=2,
    train_cfg__rpn_proposal__max_per_img=20,
    test_cfg__rpn__max_per_img=20)


def tiny(name, **options):
    """One of the configs with an RPN and a head of 16 channels; 64-pixel images need small anchors."""
    if name in DC5:
        sizes = dict(
            rpn_head__in_channels=CHANNELS[2],
            roi_head__in_channels=CHANNELS[3],
            rpn_head__anchor_generator__scales=[1, 2])
    else:
        sizes = dict(
            neck__in_channels=CHANNELS,
            neck__out_channels=16,
            rpn_head__in_channels=16,
            roi_head__in_channels=16,
            rpn_head__anchor_generator__scales=[2])
    return tiny_config(f'fcis/{name}.py', **{**WIDTH, **sizes, **options})


@pytest.fixture(scope='module')
def models():
    return {name: build(tiny(name)) for name in NAMES}


@pytest.mark.parametrize('objects', BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize('name', NAMES)
def test_training_step(models, name, objects):
    models[name].zero_grad(set_to_none=True)
    check_training_step(models[name], batch(objects))


@pytest.mark.parametrize('size', [(64, 64), (67, 93)], ids=['even', 'odd'])
@pytest.mark.parametrize('name', NAMES)
def test_prediction(models, name, size):
    for result in predictions_of(models[name], batch([[], []], size)):
        assert len(result) > 0
        assert result.masks.shape == (len(result), *size)
        assert result.masks.dtype == torch.bool
        assert result.labels.max() < 2
        boxes = result.bboxes
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert (boxes >= 0).all()
        assert (boxes <= boxes.new_tensor([size[1], size[0]] * 2)).all()


def test_odd_sizes_train(models):
    check_training_step(models[NAMES[0]], batch([[[4, 4, 30, 40]], []], (67, 93)))
    check_training_step(models[DC5[0]], batch([[[4, 4, 30, 40]], []], (67, 93)))


def test_masks_come_in_pixels_of_the_original_image(models):
    data = batch([[]])
    data['data_samples'][0].set_metainfo(dict(ori_shape=(32, 48), scale_factor=(64 / 48, 2.0)))
    result = predictions_of(models[NAMES[0]], data)[0]
    assert result.masks.shape[1:] == (32, 48)
    assert result.bboxes[:, 2].max() <= 48
    assert result.bboxes[:, 3].max() <= 32
    for box, mask in zip(result.bboxes, result.masks, strict=True):
        ys, xs = mask.nonzero(as_tuple=True)
        if len(ys):
            assert box[0] <= xs.min() + 1
            assert xs.max() <= box[2]
            assert box[1] <= ys.min() + 1
            assert ys.max() <= box[3]


def test_rois_vote_in_pixels_of_the_original_image(models, monkeypatch):
    seen = []

    def recorded(boxes, *args, **kwargs):
        seen.append((boxes, args[-1]))
        return mask_voting(boxes, *args, **kwargs)

    monkeypatch.setattr(fcis_head, 'mask_voting', recorded)
    model = models[NAMES[0]].eval()
    data = model.data_preprocessor(batch([[]]), False)
    data['data_samples'][0].set_metainfo(dict(ori_shape=(32, 48), scale_factor=(64 / 48, 2.0)))
    proposals = torch.tensor([[0.0, 0, 63, 63], [8, 16, 40, 50], [30, 30, 30.4, 60]])  # the last is too narrow
    with torch.no_grad():
        for rescale in (False, True):
            model.roi_head.predict(
                model.extract_feat(data['inputs']), [InstanceData(bboxes=proposals)], data['data_samples'], rescale)
    (raw, raw_shape), (scaled, shape) = seen
    assert torch.equal(raw[:2], proposals[:2])
    assert (raw_shape, shape) == ((64, 64), (32, 48))
    factor = torch.tensor([64 / 48, 2.0] * 2)
    torch.testing.assert_close(scaled, torch.minimum(raw / factor, torch.tensor([47.0, 31, 47, 31])))


@pytest.mark.parametrize('kind', ['ohem', 'chainercv', 'levels', 'convolutions'])
def test_other_settings(kind):
    name = NAMES[0]
    options = dict(
        chainercv=dict(roi_head__preset='chainercv', rpn_head__box_mode='half_open',
                       rpn_head__bbox_coder__type='DeltaXYWHBBoxCoder'),
        levels=dict(roi_head__in_levels=[0, 1, 2, 3], roi_head__featmap_strides=[4, 8, 16, 32],
                    roi_head__finest_scale=14),
        convolutions=dict(roi_head__num_convs=2, roi_head__norm_cfg=dict(type='GN', num_groups=4)),
        ohem=dict(train_cfg__rcnn__sampler__num=3))[kind]
    model = build(tiny(name, **options))
    for objects in BATCHES.values():
        model.zero_grad(set_to_none=True)
        check_training_step(model, batch(objects))
    assert all(len(result) for result in predictions_of(model, batch([[], []])))


@pytest.mark.parametrize('backbone', [
    dict(type='mmseg_plugins.ConvNeXt', arch=((1, 1, 1, 1), CHANNELS)),
    dict(type='SwinTransformer', embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4),
], ids=['ConvNeXt', 'Swin'])
def test_other_backbones_with_a_pyramid(backbone):
    cfg = tiny(NAMES[0], roi_head__in_levels=[2], roi_head__featmap_strides=[16])  # as _base_/coco-fpn.py
    cfg.model.backbone = backbone
    model = build(cfg)
    for objects in BATCHES.values():
        model.zero_grad(set_to_none=True)
        check_training_step(model, batch(objects))
    assert all(len(result) for result in predictions_of(model, batch([[], []], (67, 93))))


def test_training_in_bfloat16(models):
    model = models[NAMES[0]]
    data = batch(OBJECTS)
    model.zero_grad(set_to_none=True)
    with torch.autocast('cpu', torch.bfloat16):
        losses = losses_of(model, data)
        results = predictions_of(model, batch([[], []]))
    assert all(loss.dtype == torch.float32 and loss.isfinite().all() for loss in losses.values())
    sum(loss.sum() for loss in losses.values()).backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert all(result.scores.isfinite().all() for result in results)


def test_no_proposal_gives_no_detection(models):
    model = models[NAMES[0]].eval()
    data = model.data_preprocessor(batch([[], []]), False)
    nothing = [InstanceData(bboxes=torch.zeros(0, 4)) for _ in range(2)]
    with torch.no_grad():
        results = model.roi_head.predict(model.extract_feat(data['inputs']), nothing, data['data_samples'], True)
    assert [len(result) for result in results] == [0, 0]
    assert results[0].masks.shape == (0, 64, 64)


def test_the_loss_of_a_batch_is_the_mean_of_its_images(models):
    model = models['fcis_r18-fpn_1500it_shapes'].train()
    data = model.data_preprocessor(batch(OBJECTS), True)
    with torch.no_grad():
        feats = model.extract_feat(data['inputs'])
        proposals = [[[3.0, 3, 28, 41], [22, 18, 60, 58], [1, 1, 20, 20]], [[1.0, 0, 62, 63]]]

        def losses(images):
            given = [InstanceData(bboxes=torch.tensor(proposals[i])) for i in images]
            return model.roi_head.loss([f[images] for f in feats], given, [data['data_samples'][i] for i in images])

        both, first, second = losses([0, 1]), losses([0]), losses([1])
    for key in ('loss_mask', 'loss_bbox'):
        assert rel_error(both[key], (first[key] + second[key]) / 2) < 1e-6
    sizes = torch.tensor([5.0, 2.0])  # proposals and objects: the class loss is a mean over RoIs
    assert rel_error(both['loss_cls'], (first['loss_cls'] * sizes[0] + second['loss_cls'] * sizes[1]) / 7) < 1e-6


def test_mining_keeps_the_quota_of_each_image(models):
    model = build(tiny(NAMES[0], train_cfg__rcnn__sampler__num=3))
    head = model.roi_head
    seen = {}
    head.loss_fcis.register_forward_pre_hook(lambda module, args, kwargs: seen.update(labels=args[1], **kwargs),
                                             with_kwargs=True)
    losses_of(model, batch(OBJECTS))
    assert len(seen['labels']) == 6
    assert seen['avg_factor'] == 6


def test_log_says_which_share_of_the_rois_are_objects(models):
    model = models['fcis_r18-fpn_1500it_shapes'].train()
    data = model.data_preprocessor(batch(OBJECTS), True)
    proposals = [[[4.0, 4, 30, 40], [0, 50, 10, 60]], [[50.0, 0, 60, 10]]]  # next to them the three objects' own boxes
    with torch.no_grad():
        given = [InstanceData(bboxes=torch.tensor(boxes)) for boxes in proposals]
        losses = model.roi_head.loss(model.extract_feat(data['inputs']), given, data['data_samples'])
    assert losses['positive_share'].item() == pytest.approx(4 / 6)


def test_losses_without_masks_name_the_fix(models):
    data = batch(OBJECTS)
    for sample in data['data_samples']:
        del sample.gt_instances.masks
    with pytest.raises(ValueError, match='with_mask=True'):
        losses_of(models[NAMES[0]], data)


def test_two_configs_of_the_ablation_differ_by_what_they_say(models):
    full, k1, separate = (models[f'{name}_1500it_shapes'].state_dict() for name in (SMALL[0], SMALL[2], SMALL[3]))
    assert full.keys() == k1.keys() == separate.keys()
    assert {key for key in full if full[key].shape != separate[key].shape} == set()
    changed = {key for key in full if full[key].shape != k1[key].shape}
    assert changed == {f'roi_head.score_maps.{layer}.{p}' for layer in ('cls_seg', 'bbox') for p in ('weight', 'bias')}


def test_it_learns_one_picture():
    """Eighty steps on one image: both objects are found with the right masks."""
    cfg = tiny(NAMES[0], roi_head__feat_channels=32)
    model = build(cfg)
    data = batch([[[4, 4, 30, 40], [34, 30, 60, 60]]])
    picture = torch.zeros(3, 64, 64, dtype=torch.uint8)
    picture[:, 4:40, 4:30] = 200
    picture[:, 30:60, 34:60] = 120
    data['inputs'] = [picture]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(80):
        optimizer.zero_grad()
        sum(loss.sum() for loss in losses_of(model, copy.deepcopy(data)).values()).backward()
        optimizer.step()
    result = predictions_of(model, copy.deepcopy(data))[0]
    truth = torch.zeros(2, 64, 64, dtype=torch.bool)
    truth[0, 4:40, 4:30] = truth[1, 30:60, 34:60] = True
    best = result.masks[result.scores > 0.3]
    iou = (best[:, None] & truth).flatten(2).sum(2) / (best[:, None] | truth).flatten(2).sum(2)
    assert (iou.amax(0) > 0.7).all(), iou
