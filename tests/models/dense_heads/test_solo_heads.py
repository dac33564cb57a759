"""SOLO's heads in use: empty batches, refusals, half precision, finer maps, RLE, frames, what is allocated."""

import pytest
import torch
from mmdet.evaluation import CocoMetric
from mmengine.registry import DefaultScope
from pycocotools import mask as mask_api
from solo_heads import (
    CHANNELS,
    KINDS,
    ORIGINAL,
    SHOWN,
    SIZE,
    build,
    fixed_head,
    head_config,
    maps_of,
    mask_feature_config,
    pyramid,
    random_samples,
    samples,
)

from mmseg_plugins.models.dense_heads.solo_base_head import flatten_cells
from mmseg_plugins.registry import MODELS
from mmseg_plugins.structures.masks import mask_boxes


def step(head, counts):
    """One training step on images of so many objects; the losses, after checking every parameter's gradient."""
    torch.manual_seed(0)
    maps = [torch.randn(len(counts), CHANNELS, SIZE[0] // s, -(-SIZE[1] // s)) for s in (4, 8, 16, 32, 64)]
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
@pytest.mark.parametrize('kind', KINDS)
def test_every_parameter_takes_part_whatever_the_batch_holds(kind, counts):
    head = fixed_head(kind).train()
    losses = step(head, counts)
    moved = [name for name, p in head.named_parameters() if p.grad.abs().sum() > 0]
    if any(counts):
        assert losses['loss_mask'] > 0.1
        assert len(moved) > 0.7 * len(list(head.parameters()))  # a level without an object learns nothing
    else:
        assert losses['loss_mask'] == 0
        assert not any('mask' in name or 'kernel' in name for name in moved)


@pytest.mark.parametrize('kind', KINDS)
def test_masks_without_a_pixel_are_no_positives(kind):
    head, data = fixed_head(kind).train(), samples()
    for sample in data:
        sample.gt_instances.masks.masks[:] = 0
    assert head.loss(pyramid(), data)['loss_mask'] == 0


@pytest.mark.parametrize('kind', KINDS)
def test_the_originals_leave_out_masks_of_fewer_than_ten_pixels_but_not_solov2(kind):
    data = random_samples(0, [1], (64, 96))
    truth = data[0].gt_instances
    truth.bboxes = torch.tensor([[20.0, 20, 29, 21]])
    for area, options, counted in [(9, {}, kind == 'SOLOV2Head'), (10, {}, True), (9, dict(min_mask_area=9), True),
                                   (9, dict(min_mask_area=10), False)]:
        truth.masks.masks[:] = 0
        truth.masks.masks[0, 20, 20:20 + area] = 1
        target = build(kind, **options).image_targets(truth, torch.device('cpu'))
        assert bool(len(target.levels[0].cells)) == counted, (area, options)


@pytest.mark.parametrize('value', [0, -1])
def test_a_least_area_below_one_pixel_is_refused(value):
    with pytest.raises(ValueError, match=rf'min_mask_area={value} .* at least 1'):
        build('SOLOHead', min_mask_area=value)


@pytest.mark.parametrize('kind', KINDS)
def test_a_sigmoid_too_many_or_too_few_is_refused(kind):
    wrong = 'Decoupled' in kind
    with pytest.raises(ValueError, match=f'loss_mask.activate={wrong} .*{kind}.*activate={not wrong}'):
        build(kind, loss_mask=dict(type='mmdet.DiceLoss', activate=wrong, loss_weight=3.0))


@pytest.mark.parametrize('kind', KINDS)
def test_default_losses_are_the_originals_under_any_scope(kind):
    cfg = head_config(kind)
    del cfg['loss_mask']
    with DefaultScope.overwrite_default_scope('mmseg'):  # which has a DiceLoss and a FocalLoss of its own
        head = MODELS.build(cfg)
    losses = head.loss(pyramid(), samples())
    assert type(head.loss_mask).__module__ == 'mmdet.models.losses.dice_loss'
    assert losses['loss_mask'] < 3.01


@pytest.mark.parametrize('kind', KINDS)
def test_first_weights_are_the_originals(kind):
    torch.manual_seed(0)
    head = build(kind)
    head.init_weights()
    for name, parameter in head.named_parameters():
        if parameter.ndim == 4:
            assert parameter.std().item() == pytest.approx(0.01, rel=0.2), name
        elif name.startswith(('conv_cls', 'conv_mask_list')):
            assert parameter.mean().item() == pytest.approx(-4.595, abs=0.001), name  # a probability of 0.01


@pytest.mark.parametrize('kind', KINDS)
def test_a_seed_gives_the_first_weights_of_stock_mmdet_under_the_same_names(kind):
    weights = []
    for prefix in ('mmdet', 'mmseg_plugins'):
        head = build(kind, prefix)
        torch.manual_seed(5)
        head.init_weights()
        weights.append(head.state_dict())
    stock, ours = weights
    assert list(ours) == list(stock)
    different = [name for name in ours if not torch.equal(ours[name], stock[name])]
    assert different == (['mask_feature_head.conv_pred.conv.weight'] if kind == 'SOLOV2Head' else [])


def test_levels_of_different_numbers_are_named():
    with pytest.raises(ValueError, match=r"SOLOHead: strides, num_grids .*'num_grids': 4.*Fix"):
        build('SOLOHead', num_grids=[6, 5, 4, 3])


@pytest.mark.parametrize('kind', KINDS)
def test_a_neck_with_other_levels_is_named(kind):
    with pytest.raises(ValueError, match=f'the neck gives 4 maps, but {kind} has 5 levels.*num_outs'):
        fixed_head(kind)(pyramid()[:4])


def test_strides_that_are_not_the_maps_are_named():
    with pytest.raises(ValueError, match=r'draws masks of .* targets at half the stride .*resize_ends=True'):
        step(build('SOLOHead', strides=[4, 8, 16, 32, 32]), [9, 9])
    options = mask_feature_config(mask_stride=2, input_stride=8)
    with pytest.raises(ValueError, match='input_stride'):
        step(build('SOLOV2Head', mask_feature_head=options), [9, 9])
    with pytest.raises(ValueError, match='mask_stride=3 must divide'):
        build('SOLOV2Head', mask_feature_head=mask_feature_config(mask_stride=3, input_stride=8))


def test_maps_of_an_image_that_does_not_fit_the_strides_are_named():
    with pytest.raises(ValueError, match=r'map 2 .*\(20, 24\).*\(18, 24\).*pad_size_divisor=32'):
        fixed_head('SOLOV2Head')(maps_of(72, 96))


@pytest.mark.parametrize('kind', KINDS)
def test_masks_that_do_not_fit_the_padded_image_are_named_at_prediction(kind):
    """A mask map of another size than padded image / stride would be cropped at the wrong place."""
    options = dict(strides=[4, 8, 16, 32, 32])
    if kind == 'SOLOV2Head':
        options = dict(mask_feature_head=mask_feature_config(input_stride=8))
    head = build(kind, **options)
    data = random_samples(0, [1], (64, 96))
    with pytest.raises(ValueError, match=r'64 x 96.*pad_size_divisor'):
        head.predict(maps_of(64, 96), data)
    fixed_head(kind).predict(maps_of(64, 96), data)


@pytest.mark.parametrize('start', [0, 1, 3])  # 3 is also the last one
def test_mask_features_have_the_finest_maps_size_wherever_they_start(start):
    head = build('SOLOV2Head', mask_feature_head=mask_feature_config(start_level=start))
    assert head(maps_of(64, 96))[2].shape[-2:] == (16, 24)
    assert head.loss(maps_of(64, 96), random_samples(0, [6], (64, 96)))['loss_mask'] > 0


@pytest.mark.parametrize('kind', KINDS)
def test_finer_maps_keep_the_pyramids_strides(kind):
    options = dict(resize_ends=False, strides=[4, 8, 16, 32, 64])
    if kind == 'SOLOV2Head':
        options['mask_feature_head'] = mask_feature_config(mask_stride=2)
    head = build(kind, **options)
    torch.manual_seed(0)
    maps = [torch.randn(1, 16, 64 // s, 128 // s) for s in (4, 8, 16, 32, 64)]
    data = random_samples(0, [6], (64, 128))
    losses = head.loss(tuple(maps), data)
    assert losses['loss_mask'] > 0
    head.test_cfg.score_thr = 0.001
    result = head.predict(tuple(maps), data, rescale=True)[0]
    assert result.masks.shape[1:] == (64, 128)
    first = head.eval()(tuple(maps))[0]
    if kind != 'SOLOV2Head':
        assert first[0].shape[-1] in (32, 64)  # stride 4, or 2 where it is enlarged already
    else:
        assert head(tuple(maps))[2].shape[-2:] == (32, 64)


@pytest.mark.parametrize('kind', KINDS)
def test_bfloat16_autocast_changes_losses_and_predictions_little(kind):
    head = fixed_head(kind)
    exact = head.loss(pyramid(), samples())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        rough = head.loss(pyramid(), samples())
        result = head.predict(pyramid(), samples())[0]
    for name in exact:
        assert rough[name].dtype == torch.float32
        assert rough[name].item() == pytest.approx(exact[name].item(), rel=0.05)
    assert len(result.scores) > 0
    assert result.scores.dtype == torch.float32


@pytest.mark.parametrize('kind', KINDS)
def test_boxes_are_tight_around_the_masks_in_either_frame(kind):
    head, data = fixed_head(kind), samples()
    for rescale, size in ((True, ORIGINAL), (False, SHOWN)):
        for result in head.predict(pyramid(), data, rescale=rescale):
            assert result.masks.shape == (len(result.scores), *size)
            assert torch.equal(result.bboxes, mask_boxes(result.masks))
            assert (result.bboxes[:, 2] > result.bboxes[:, 0]).all()


@pytest.mark.parametrize('kind', KINDS)
def test_rle_holds_the_same_masks_and_the_metric_takes_it(kind):
    head = fixed_head(kind)
    dense = head.predict(pyramid(), samples(), rescale=True)[0]
    head.test_cfg.rle = True
    coded = head.predict(pyramid(), samples(), rescale=True)[0]
    assert (mask_api.decode(coded.masks).transpose(2, 0, 1) == dense.masks.numpy()).all()
    assert torch.equal(coded.bboxes, dense.bboxes)
    assert len(coded[torch.tensor([2, 0])].masks) == 2
    metric = CocoMetric(metric='segm')
    metric.process({}, [dict(img_id=0, ori_shape=ORIGINAL, pred_instances=coded, instances=[])])
    assert metric.results[0][1]['masks'] == coded.masks


@pytest.mark.parametrize('kind', KINDS)
def test_nothing_found_is_empty_and_well_typed(kind):
    head = fixed_head(kind)
    head.test_cfg.score_thr = 1.1
    for result in head.predict(pyramid(), samples(), rescale=True):
        assert result.masks.shape == (0, *ORIGINAL)
        assert result.masks.dtype == torch.bool
        assert result.labels.dtype == torch.long
        assert result.bboxes.shape == (0, 4)


@pytest.mark.parametrize('kind', KINDS)
def test_the_largest_tensor_of_a_prediction_is_bounded(kind, monkeypatch):
    """With chunks of 64 kB no soft mask tensor is larger; the image's are made one by one."""
    head, largest = fixed_head(kind), []
    head.chunk_bytes = 2**16
    head.test_cfg.score_thr = 0.001
    original = torch.nn.functional.interpolate

    def interpolate(*args, **kwargs):
        out = original(*args, **kwargs)
        largest.append(out.numel() * out.element_size())
        return out

    outs = head(pyramid())
    metas = [dict(img_shape=SHOWN, ori_shape=(240, 360))] * 2
    monkeypatch.setattr(torch.nn.functional, 'interpolate', interpolate)
    results = head.predict_by_feat(*outs, batch_img_metas=metas)
    one = 240 * 360 * 4
    assert len(results[0].scores) == 20
    assert len(largest) >= 40
    assert max(largest) == one  # a chunk is one mask where even one is more than the limit


@pytest.mark.parametrize(('seed', 'size'), [(1, (96, 64)), (2, (128, 160))])
@pytest.mark.parametrize('kind', KINDS)
def test_stock_mmdet_agrees_at_other_sizes(kind, seed, size):
    stock, ours = fixed_head(kind, 'mmdet'), fixed_head(kind)
    maps = maps_of(*size, images=2)
    counts = [7, 4]
    wanted, found = (head.train().loss(maps, random_samples(seed, counts, size)) for head in (stock, ours))
    targets = [ours.image_targets(s.gt_instances, torch.device('cpu')) for s in random_samples(seed, counts, size)]
    levels = [level for target in targets for level in target.levels]
    pairs, cells = sum(len(x.cells) for x in levels), sum(len(x.cells.unique()) for x in levels)
    share = pairs / cells if kind == 'SOLOV2Head' else 1  # stock divides by the distinct cells
    assert pairs > cells
    torch.testing.assert_close(found['loss_mask'] * share, wanted['loss_mask'], rtol=1e-5, atol=0)
    torch.testing.assert_close(found['loss_cls'], wanted['loss_cls'], rtol=1e-5, atol=0)
    with torch.no_grad():
        theirs = stock.eval().predict(maps, random_samples(seed, counts, size), rescale=True)
    for result, other in zip(ours.eval().predict(maps, random_samples(seed, counts, size)), theirs, strict=True):
        torch.testing.assert_close(result.scores, other.scores)
        assert torch.equal(result.labels, other.labels)
        assert (result.masks != other.masks).float().mean() < 1e-4
        assert len(result.scores) == 20


@pytest.mark.parametrize('size', [(80, 48), (80, 112), (72, 96), (78, 110), (101, 53), (64, 96)])
@pytest.mark.parametrize('kind', KINDS[:3])
def test_losses_are_stock_mmdets_at_any_padded_size(kind, size):
    """Maps that reach beyond the image: stock mmdet puts the targets into their upper left corner."""
    stock, ours = fixed_head(kind, 'mmdet').train(), fixed_head(kind).train()
    maps, counts = maps_of(*size, images=2), [7, 4]
    for seed in range(2):
        wanted, found = (head.loss(maps, random_samples(seed, counts, size)) for head in (stock, ours))
        assert wanted['loss_mask'] > 0.1
        for name, value in wanted.items():
            torch.testing.assert_close(found[name], value, rtol=2e-7, atol=0)


@pytest.mark.parametrize('kind', KINDS[:3])
def test_a_finest_map_that_cannot_be_halved_is_named(kind):
    """27 columns at stride 4 become 13 at stride 8, which leave 4 pixels out; stock mmdet fails there, too."""
    head = fixed_head(kind)
    with pytest.raises(ValueError, match=r'level 0 draws masks of \(20, 26\).*\(20, 27\).*Fix: pad_size_divisor=32'):
        head.train().loss(maps_of(80, 108), random_samples(0, [30], (80, 108)))
    with pytest.raises(ValueError, match=r'the padded image is 80 x 108.*pad_size_divisor'):
        head.predict(maps_of(80, 108), random_samples(0, [3], (80, 108)))


@pytest.mark.parametrize('size', [(80, 48), (78, 110)])
@pytest.mark.parametrize('kind', KINDS[:3])
def test_predictions_are_stock_mmdets_at_any_padded_size(kind, size):
    stock, ours = fixed_head(kind, 'mmdet').eval(), fixed_head(kind).eval()
    maps, data = maps_of(*size), random_samples(0, [3], size)
    with torch.no_grad():
        theirs = stock.predict(maps, data, rescale=True)[0]
    result = ours.predict(maps, random_samples(0, [3], size))[0]
    torch.testing.assert_close(result.scores, theirs.scores)
    assert torch.equal(result.labels, theirs.labels)
    assert (result.masks != theirs.masks).float().mean() < 1e-4


def test_cells_are_flattened_row_by_row_and_level_by_level():
    maps = [torch.arange(8.0).reshape(1, 2, 2, 2), torch.full((1, 2, 1, 1), 9.0)]
    assert flatten_cells(maps)[0].tolist() == [[0, 4], [1, 5], [2, 6], [3, 7], [9, 9]]


@pytest.mark.parametrize('kind', KINDS)
def test_inclusive_boxes_lose_a_pixel_of_the_original_image(kind):
    """49 x 49 original pixels at twice the size: 98 px to mmdet, 96 to the original, which decides the level."""
    truth = random_samples(0, [1], (128, 128))[0].gt_instances
    truth.bboxes = torch.tensor([[10.0, 10, 108, 108]])
    truth.masks.masks[:] = 0
    truth.masks.masks[0, 10:108, 10:108] = 1
    ranges = [(1, 97), (97.5, 500), (500, 600), (600, 700), (700, 800)]

    def level(**options):
        head = build(kind, scale_ranges=ranges, **options)
        target = head.image_targets(truth, torch.device('cpu'), scale=(2.0, 2.0))
        return [index for index, cells in enumerate(target.levels) if len(cells.cells)]

    assert level() == [1]
    assert level(box_mode='inclusive') == [0]


@pytest.mark.parametrize('kind', KINDS)
def test_the_loss_reads_the_scale_of_each_image(kind):
    data = random_samples(3, [3], SIZE)
    torch.manual_seed(0)
    maps = [torch.randn(1, CHANNELS, SIZE[0] // s, -(-SIZE[1] // s)) for s in (4, 8, 16, 32, 64)]

    def class_loss(mode, scale):
        data[0].set_metainfo(dict(scale_factor=scale))
        torch.manual_seed(1)
        return float(build(kind, box_mode=mode).loss(tuple(maps), data)['loss_cls'].detach())

    assert class_loss('half_open', (1.0, 1.0)) == class_loss('half_open', (9.0, 9.0))
    assert class_loss('inclusive', (0.0, 0.0)) == class_loss('half_open', (1.0, 1.0))
    assert class_loss('inclusive', (9.0, 9.0)) != class_loss('inclusive', (0.0, 0.0))


@pytest.mark.parametrize('dcn', ['DCN', 'DCNv2'])
@pytest.mark.parametrize('kind', ['DecoupledSOLOLightHead', 'SOLOV2Head'])
def test_deformable_towers_begin_as_plain_convolutions_of_small_weights(kind, dcn):
    torch.manual_seed(0)
    head = build(kind, dcn_cfg=dict(type=dcn), feat_channels=32)
    head.init_weights()
    layers = [module for module in head.modules() if hasattr(module, 'conv_offset')]
    assert layers
    for layer in layers:
        assert not layer.conv_offset.weight.any()
        assert not layer.conv_offset.bias.any()
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.05)
