"""SOLO's heads in use: empty batches, refusals, half precision, finer maps, RLE, frames, what is allocated."""

import pytest
import torch
from mmdet.evaluation import CocoMetric
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from pycocotools import mask as mask_api
from solo_cases import HEADS, golden_head, head_config, pyramid, random_samples, samples

from mmseg_plugins.models.postprocess import solo_masks
from mmseg_plugins.registry import MODELS

SIZE = (64, 96)


def build(case, **options):
    with DefaultScope.overwrite_default_scope('mmdet'):
        return MODELS.build(dict(head_config(case), **options))


def step(head, counts):
    """One training step on images of so many objects; the losses, after checking every parameter's gradient."""
    torch.manual_seed(0)
    maps = [torch.randn(len(counts), 16, SIZE[0] // s, SIZE[1] // s) for s in (4, 8, 16, 32)]
    maps.append(torch.randn(len(counts), 16, 1, 2))
    for tensor in maps:
        tensor.requires_grad_()
    losses = head.loss(tuple(maps), random_samples(1, counts, SIZE))
    assert all(torch.isfinite(loss) for loss in losses.values()), losses
    sum(losses.values()).backward()
    missing = [name for name, p in head.named_parameters() if p.grad is None]
    assert not missing, missing
    assert all(p.grad.isfinite().all() for p in head.parameters())
    return losses


@pytest.mark.parametrize('counts', [[5, 4], [6, 0], [0, 0]])
@pytest.mark.parametrize('case', HEADS)
def test_every_parameter_takes_part_whatever_the_batch_holds(case, counts):
    head = golden_head(case).train()
    losses = step(head, counts)
    moved = [name for name, p in head.named_parameters() if p.grad.abs().sum() > 0]
    if any(counts):
        assert losses['loss_mask'] > 0.1
        assert len(moved) > 0.7 * len(list(head.parameters()))  # a level without an object learns nothing
    else:
        assert losses['loss_mask'] == 0
        assert not any('mask' in name or 'kernel' in name for name in moved)


@pytest.mark.parametrize('case', HEADS)
def test_masks_without_a_pixel_are_no_positives(case):
    head, data = golden_head(case).train(), samples(case, 'a')
    for sample in data:
        sample.gt_instances.masks.masks[:] = 0
    assert head.loss(pyramid(case), data)['loss_mask'] == 0


@pytest.mark.parametrize('case', HEADS)
def test_the_originals_leave_out_masks_of_fewer_than_ten_pixels_but_not_solov2(case):
    data = random_samples(0, [1], (64, 96))
    truth = data[0].gt_instances
    truth.bboxes = torch.tensor([[20.0, 20, 29, 21]])
    for area, options, counted in [(9, {}, case == 'solov2_head'), (10, {}, True), (9, dict(min_mask_area=9), True),
                                   (9, dict(min_mask_area=10), False)]:
        truth.masks.masks[:] = 0
        truth.masks.masks[0, 20, 20:20 + area] = 1
        target = build(case, **options).image_targets(truth, torch.device('cpu'))
        assert bool(len(target.levels[0].cells)) == counted, (area, options)


@pytest.mark.parametrize('value', [0, -1])
def test_a_least_area_below_one_pixel_is_refused(value):
    with pytest.raises(ValueError, match=rf'min_mask_area={value} .* at least 1'):
        build('solo_v1_head', min_mask_area=value)


@pytest.mark.parametrize('case', HEADS)
def test_a_sigmoid_too_many_or_too_few_is_refused(case):
    wrong = 'Decoupled' in HEADS[case]
    with pytest.raises(ValueError, match=f'loss_mask.activate={wrong} .*{HEADS[case]}.*activate={not wrong}'):
        build(case, loss_mask=dict(type='mmdet.DiceLoss', activate=wrong, loss_weight=3.0))


@pytest.mark.parametrize('case', HEADS)
def test_default_losses_are_the_originals_under_any_scope(case):
    cfg = head_config(case)
    del cfg['loss_mask']
    with DefaultScope.overwrite_default_scope('mmseg'):  # which has a DiceLoss and a FocalLoss of its own
        head = MODELS.build(cfg)
    losses = head.loss(pyramid(case), samples(case, 'a'))
    assert type(head.loss_mask).__module__ == 'mmdet.models.losses.dice_loss'
    assert losses['loss_mask'] < 3.01


@pytest.mark.parametrize('case', HEADS)
def test_first_weights_are_the_originals(case):
    torch.manual_seed(0)
    head = build(case)
    head.init_weights()
    for name, parameter in head.named_parameters():
        if parameter.ndim == 4:
            assert parameter.std().item() == pytest.approx(0.01, rel=0.2), name
        elif name.startswith(('conv_cls', 'conv_mask_list')):
            assert parameter.mean().item() == pytest.approx(-4.595, abs=0.001), name  # a probability of 0.01


@pytest.mark.parametrize('case', HEADS)
def test_a_neck_with_other_levels_is_named(case):
    with pytest.raises(ValueError, match=f'the neck gives 4 maps, but {HEADS[case]} has 5 levels.*num_outs'):
        golden_head(case)(pyramid(case)[:4])


def test_strides_that_are_not_the_maps_are_named():
    with pytest.raises(ValueError, match=r'draws masks of .* targets at half the stride .*resize_ends=True'):
        step(build('solo_v1_head', strides=[4, 8, 16, 32, 32]), [9, 9])
    options = dict(head_config('solov2_head')['mask_feature_head'], mask_stride=2, input_stride=8)
    with pytest.raises(ValueError, match='input_stride'):
        step(build('solov2_head', mask_feature_head=ConfigDict(options)), [9, 9])
    with pytest.raises(ValueError, match='mask_stride=3 must divide'):
        build('solov2_head', mask_feature_head=ConfigDict(options, mask_stride=3))


def maps_of(height, width, strides=(4, 8, 16, 32, 64)):
    """What a backbone and a pyramid give for an image of this size."""
    torch.manual_seed(0)
    return tuple(torch.randn(1, 16, -(-height // s), -(-width // s)) for s in strides)


def test_maps_of_an_image_that_does_not_fit_the_strides_are_named():
    with pytest.raises(ValueError, match=r'map 2 .*\(20, 24\).*\(18, 24\).*pad_size_divisor=32'):
        golden_head('solov2_head')(maps_of(72, 96))


@pytest.mark.parametrize('case', HEADS)
def test_masks_that_do_not_fit_the_padded_image_are_named_at_prediction(case):
    """A mask map of another size than padded image / stride would be cropped at the wrong place."""
    options = dict(strides=[4, 8, 16, 32, 32])
    if case == 'solov2_head':
        options = dict(mask_feature_head=ConfigDict(head_config(case)['mask_feature_head'], input_stride=8))
    head = build(case, **options)
    data = random_samples(0, [1], (64, 96))
    with pytest.raises(ValueError, match=r'64 x 96.*pad_size_divisor'):
        head.predict(maps_of(64, 96), data)
    golden_head(case).predict(maps_of(64, 96), data)


@pytest.mark.parametrize('start', [0, 1, 3])  # 3 is also the last one
def test_mask_features_have_the_finest_maps_size_wherever_they_start(start):
    options = ConfigDict(head_config('solov2_head')['mask_feature_head'], start_level=start)
    head = build('solov2_head', mask_feature_head=options)
    assert head(maps_of(64, 96))[2].shape[-2:] == (16, 24)
    assert head.loss(maps_of(64, 96), random_samples(0, [6], (64, 96)))['loss_mask'] > 0


@pytest.mark.parametrize('case', HEADS)
def test_finer_maps_keep_the_pyramids_strides(case):
    options = dict(resize_ends=False, strides=[4, 8, 16, 32, 64])
    if case == 'solov2_head':
        options['mask_feature_head'] = ConfigDict(head_config(case)['mask_feature_head'], mask_stride=2)
    head = build(case, **options)
    torch.manual_seed(0)
    maps = [torch.randn(1, 16, 64 // s, 128 // s) for s in (4, 8, 16, 32, 64)]
    data = random_samples(0, [6], (64, 128))
    losses = head.loss(tuple(maps), data)
    assert losses['loss_mask'] > 0
    head.test_cfg.score_thr = 0.001
    result = head.predict(tuple(maps), data, rescale=True)[0]
    assert result.masks.shape[1:] == (64, 128)
    first = head.eval()(tuple(maps))[0]
    if case != 'solov2_head':
        assert first[0].shape[-1] in (32, 64)  # stride 4, or 2 where it is enlarged already
    else:
        assert head(tuple(maps))[2].shape[-2:] == (32, 64)


@pytest.mark.parametrize('case', HEADS)
def test_bfloat16_autocast_changes_losses_and_predictions_little(case):
    head = golden_head(case)
    exact = head.loss(pyramid(case), samples(case, 'a'))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        rough = head.loss(pyramid(case), samples(case, 'a'))
        result = head.predict(pyramid(case), samples(case, 'a'))[0]
    for name in exact:
        assert rough[name].dtype == torch.float32
        assert rough[name].item() == pytest.approx(exact[name].item(), rel=0.05)
    assert len(result.scores) > 0
    assert result.scores.dtype == torch.float32


@pytest.mark.parametrize('case', HEADS)
def test_boxes_are_tight_around_the_masks_in_either_frame(case):
    head, data = golden_head(case), samples(case, 'a')
    for rescale, size in ((True, (75, 112)), (False, (60, 90))):
        for result in head.predict(pyramid(case), data, rescale=rescale):
            assert result.masks.shape == (len(result.scores), *size)
            assert torch.equal(result.bboxes, solo_masks.tight_boxes(result.masks))
            assert (result.bboxes[:, 2] > result.bboxes[:, 0]).all()


@pytest.mark.parametrize('case', HEADS)
def test_rle_holds_the_same_masks_and_the_metric_takes_it(case):
    head = golden_head(case)
    dense = head.predict(pyramid(case), samples(case, 'a'), rescale=True)[0]
    head.test_cfg.rle = True
    coded = head.predict(pyramid(case), samples(case, 'a'), rescale=True)[0]
    assert (mask_api.decode(coded.masks).transpose(2, 0, 1) == dense.masks.numpy()).all()
    assert torch.equal(coded.bboxes, dense.bboxes)
    assert len(coded[torch.tensor([2, 0])].masks) == 2
    metric = CocoMetric(metric='segm')
    metric.process({}, [dict(img_id=0, ori_shape=(75, 112), pred_instances=coded, instances=[])])
    assert metric.results[0][1]['masks'] == coded.masks


@pytest.mark.parametrize('case', HEADS)
def test_nothing_found_is_empty_and_well_typed(case):
    head = golden_head(case)
    head.test_cfg.score_thr = 1.1
    for result in head.predict(pyramid(case), samples(case, 'a'), rescale=True):
        assert result.masks.shape == (0, 75, 112)
        assert result.masks.dtype == torch.bool
        assert result.labels.dtype == torch.long
        assert result.bboxes.shape == (0, 4)


@pytest.mark.parametrize('case', HEADS)
def test_the_largest_tensor_of_a_prediction_is_bounded(case, monkeypatch):
    """With chunks of 64 kB no soft mask tensor is larger; the photograph's are made one by one."""
    head, largest = golden_head(case), []
    head.chunk_bytes = 2**16
    head.test_cfg.score_thr = 0.001
    original = torch.nn.functional.interpolate

    def interpolate(*args, **kwargs):
        out = original(*args, **kwargs)
        largest.append(out.numel() * out.element_size())
        return out

    outs = head(pyramid(case))
    metas = [dict(img_shape=(60, 90), ori_shape=(240, 360))] * 2
    monkeypatch.setattr(torch.nn.functional, 'interpolate', interpolate)
    results = head.predict_by_feat(*outs, batch_img_metas=metas)
    one = 240 * 360 * 4
    assert len(results[0].scores) == 20
    assert len(largest) >= 40
    assert max(largest) == one  # a chunk is one mask where even one is more than the limit
