"""MaskLab as a detector: the rungs on small dilated nets, the pyramid variants, edge cases, wrong combinations."""

import argparse
import re

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import InstanceData
from tiny_models import CHANNELS, CONFIGS, batch, build, check_training_step, losses_of, predictions_of, tiny_config

from mmseg_plugins.config.load import load_config
from mmseg_plugins.utils.cfg_options import CfgOptions

RUNGS = ['semantic', 'direction', 'both', 'distance', 'refine', 'deform']
CASES = {
    'objects in both images': [[[4, 4, 30, 40], [20, 20, 60, 60]], [[0, 0, 64, 64]]],
    'no ground truth': [[], []],
    'half-empty batch': [[[4, 4, 30, 40]], []],
    'one-pixel objects': [[[10, 10, 11, 11]], [[0, 0, 1, 1], [63, 63, 64, 64]]],
}
PREDICT = {'test_cfg.rcnn.score_thr': 0.0, 'test_cfg.rcnn.max_per_img': 5, 'test_cfg.rpn.max_per_img': 20,
           'train_cfg.rpn_proposal.max_per_img': 20}
CROP = 'roi_head.bbox_roi_extractor'


def dilated_config(rung, **options):
    """A rung of the shapes ladder: maps of 8, 8, 16, 32 and 64 channels."""
    refine = {'roi_head.mask_head.refine.channels': [8, 8], 'roi_head.mask_head.refine.conv_channels': 4}
    tiny = {
        **PREDICT, 'backbone.net.base_channels': 8, 'rpn_head.in_channels': 32, 'rpn_head.feat_channels': 8,
        'roi_head.shared_head': None, f'{CROP}.out_channels': 32, f'{CROP}.output_size': 4,
        'roi_head.bbox_head.in_channels': 32, 'roi_head.mask_head.in_channels': 64, 'roi_head.mask_head.mask_size': 9,
        **(refine if rung in ('refine', 'deform') else {}), **options
    }
    return load_config(CONFIGS / f'masklab/masklab_r18-{rung}_1500it_shapes.py',
                       {f'model.{key}': value for key, value in tiny.items()})


def pyramid_config(name, **options):
    tiny = dict(neck__in_channels=CHANNELS, roi_head__mask_head__refine__conv_channels=4, **options)
    return tiny_config(f'masklab/{name}', **tiny, **{key.replace('.', '__'): value for key, value in PREDICT.items()})


def swin_config():
    cfg = load_config(CONFIGS / 'masklab/examples/masklab_swin-t-fpn-refine_1x_coco.py', {f'model.{k}': v for k, v in {
        **PREDICT, 'backbone.embed_dims': 8, 'backbone.depths': [1, 1, 1, 1], 'backbone.num_heads': [1, 1, 2, 2],
        'backbone.window_size': 2, 'backbone.init_cfg': None, 'neck.in_channels': CHANNELS, 'neck.out_channels': 16,
        'rpn_head.in_channels': 16, 'rpn_head.feat_channels': 16, f'{CROP}.out_channels': 16,
        'roi_head.bbox_head.in_channels': 16, 'roi_head.bbox_head.fc_out_channels': 16,
        'roi_head.mask_head.in_channels': 16, 'roi_head.mask_head.mask_size': 9,
        'roi_head.mask_head.refine.channels': [16], 'roi_head.mask_head.refine.conv_channels': 4}.items()})
    cfg.model.backbone.convert_weights = False
    return cfg


def panet_config():
    """PANet's neck, pooling from all levels and box head next to MaskLab's masks."""
    cfg = pyramid_config('masklab_r18-fpn-refine_1500it_shapes.py')
    norm = dict(type='GN', num_groups=8)
    cfg.model.neck.update(type='mmseg_plugins.PANetFPN', norm_cfg=norm)
    roi = cfg.model.roi_head
    roi.bbox_roi_extractor.pop('finest_scale')
    roi.bbox_roi_extractor.type = 'mmseg_plugins.AllLevelRoIExtractor'
    roi.bbox_head.update(
        type='mmseg_plugins.AdaptivePooling2FCBBoxHead', num_levels=4, norm_cfg=norm, fc_out_channels=32)
    return cfg


VARIANTS = {
    **{rung: (lambda rung=rung: dilated_config(rung)) for rung in RUNGS},
    'nuclei with a pyramid': lambda: pyramid_config('masklab_r18-fpn-refine_1000it-crop256_nuclei.py'),
    'coarse with a pyramid': lambda: tiny_config(
        'masklab/masklab_r18-fpn-distance_1000it-crop256_nuclei.py', neck__in_channels=CHANNELS),
    'PANet': panet_config,
    'Swin': swin_config,
}


@pytest.fixture(scope='module')
def models():
    return {name: build(config()) for name, config in VARIANTS.items()}


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('name', VARIANTS)
def test_training_step(models, name, case):
    models[name].zero_grad(set_to_none=True)
    check_training_step(models[name], batch(CASES[case]))


@pytest.mark.parametrize('name', VARIANTS)
def test_masks_have_the_size_of_the_image_even_when_odd(models, name):
    for result in predictions_of(models[name], batch([[], []], size=(53, 39))):
        assert result.masks.shape == (len(result), 53, 39)
        assert result.masks.dtype == torch.bool
        assert result.scores.isfinite().all()
        assert result.bboxes.isfinite().all()


def test_duplicate_conv5_is_that_of_the_config():
    model = build(load_config(CONFIGS / 'masklab/masklab_r18-refine_1500it_shapes.py'))
    original = [tuple(p.shape) for p in model.backbone.net.layer4.parameters()]
    assert [tuple(p.shape) for p in model.roi_head.shared_head.parameters()] == original
    check_training_step(model, batch(CASES['half-empty batch']))


OPTIONS = re.findall(r'^\| .* \| `(model\..*)` \|$', (CONFIGS / 'masklab/README.md').read_text(), re.MULTILINE)


@pytest.mark.parametrize(('option', 'channels', 'directions', 'size'), [
    (OPTIONS[0], [64], 8, 41),
    (OPTIONS[1], [64, 256, 512], 8, 41),
    (OPTIONS[2], [64, 256], 2, 41),
    (OPTIONS[3], [64, 256], 8, 21),
])
def test_options_of_the_readme_fit_the_paper_s_network(option, channels, directions, size):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions)
    options = parser.parse_args(['--cfg-options', *option.split()]).cfg_options
    cfg = load_config(CONFIGS / 'masklab/masklab_r101-refine_2x_coco.py', options)
    assert cfg.model.train_cfg.rcnn.mask_size is None  # the stock head's, which would say 14
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(cfg.model)
    head = model.roi_head.mask_head
    assert head.refinement.channels == channels
    assert head.conv_direction.out_channels == 4 * directions
    with torch.no_grad():
        feats = model.extract_feat(torch.zeros(1, 3, 64, 64))
        head.check_maps(feats, (64, 64))
        masks = head(feats, torch.tensor([[0, 4.0, 4, 40, 40]]), torch.tensor([3])).final
    assert masks.shape == (1, 1, size, size)


def test_only_ground_truth_boxes_train_the_masks(models):
    """Other proposals change nothing in the mask losses; another ground truth does."""
    model = models['refine']
    data = model.data_preprocessor(batch(CASES['objects in both images']), True)
    feats = model.extract_feat(data['inputs'])

    def mask_losses(proposals, samples):
        found = [InstanceData(bboxes=torch.tensor(proposals), scores=torch.ones(2), labels=torch.zeros(2).long())
                 for _ in range(2)]
        return {k: v for k, v in model.roi_head.loss(feats, found, samples).items() if 'mask' in k}

    first = mask_losses([[2.0, 3, 33, 41], [30, 30, 50, 60]], data['data_samples'])
    assert first == mask_losses([[0.0, 0, 9, 9], [5, 5, 64, 64]], data['data_samples'])
    assert sorted(first) == ['loss_mask_coarse', 'loss_mask_refined']
    data['data_samples'][0].gt_instances = data['data_samples'][0].gt_instances[:1]
    assert first != mask_losses([[2.0, 3, 33, 41], [30, 30, 50, 60]], data['data_samples'])


def test_limit_of_masks_an_image():
    model = build(dilated_config('both', **{'train_cfg.rcnn.max_masks_per_img': 1}))
    seen = []
    model.roi_head.mask_head.register_forward_pre_hook(lambda module, args: seen.append(args[1]))
    losses_of(model, batch(CASES['objects in both images']))
    assert seen[0][:, 0].tolist() == [0, 1]
    assert seen[0][0, 1:].tolist() in CASES['objects in both images'][0]


def test_chunks_of_boxes_give_the_same_masks(models):
    model = models['refine']
    whole = predictions_of(model, batch([[]]))[0]
    model.roi_head.test_cfg.mask_chunk = 2
    parts = predictions_of(model, batch([[]]))[0]
    model.roi_head.test_cfg.pop('mask_chunk')
    assert len(whole) > 2
    assert torch.equal(whole.masks, parts.masks)


def test_rescaled_results_are_in_the_original_image(models):
    data = batch([[]], size=(64, 64))
    data['data_samples'][0].set_metainfo(dict(ori_shape=(32, 128), scale_factor=(0.5, 2.0)))
    result = predictions_of(models['both'], data)[0]
    assert result.masks.shape[1:] == (32, 128)
    for mask, (x1, y1, _, y2) in zip(result.masks, result.bboxes.tolist(), strict=True):
        rows, columns = torch.nonzero(mask, as_tuple=True)
        assert not len(rows) or (rows.min() + 1 > y1 and rows.max() < y2 and columns.min() + 1 > x1)


def test_no_detection_gives_empty_masks():
    model = build(dilated_config('both', **{'test_cfg.rcnn.score_thr': 2.0}))
    result = predictions_of(model, batch([[]]))[0]
    assert result.masks.shape == (0, 64, 64)


def test_raw_outputs():
    model = build(dilated_config('refine')).eval()
    data = model.data_preprocessor(batch([[]]), False)
    scores, deltas, masks = model(data['inputs'], data['data_samples'], mode='tensor')[0]
    assert scores.shape[1] == 6
    assert deltas.shape[1] == 20
    assert masks.shape == (len(scores), 1, 9, 9)


@pytest.mark.parametrize('name', ['deform', 'nuclei with a pyramid'])
def test_bfloat16_training_step(models, name):
    """Backbone and heads; the stock RPN is left out: mmcv's NMS takes no bfloat16."""
    model = models[name].train()
    data = model.data_preprocessor(batch(CASES['half-empty batch']), True)
    found = [InstanceData(bboxes=torch.tensor([[2.0, 3, 33, 41], [30, 30, 50, 60]]), scores=torch.ones(2),
                          labels=torch.zeros(2, dtype=torch.long)) for _ in range(2)]
    with torch.autocast('cpu', torch.bfloat16):
        feats = model.extract_feat(data['inputs'])
        if name != 'deform':
            feats = [feat.float() for feat in feats]  # mmcv's RoIAlign takes no bfloat16 either
        losses = model.roi_head.loss(feats, found, data['data_samples'])
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(torch.isfinite(loss).all() for loss in losses.values())


@pytest.mark.parametrize(('options', 'words'), [
    ({'roi_head.bbox_in_indices': [2, 3]}, ['bbox_in_indices=[2, 3]', 'featmap_strides=[8]']),
    ({'roi_head.mask_roi_extractor': dict(type='SingleRoIExtractor')}, ["'SingleRoIExtractor'", 'crops whole maps']),
    ({'roi_head.shared_head': dict(type='ResLayer', depth=18)}, ['ResLayer reads 256', 'out_channels=32']),
    ({'roi_head.mask_head': dict(type='FCNMaskHead')}, ['FCNMaskHead', 'MaskLabMaskHead', 'StandardRoIHead']),
])
def test_parts_that_do_not_fit_are_named_on_both_sides(options, words):
    cfg = dilated_config('both')
    for key, value in options.items():
        cfg.model.roi_head[key.split('.')[1]] = value
    with pytest.raises(ValueError) as error:
        build(cfg)
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(('options', 'words'), [
    ({'roi_head.mask_head.logits_index': 9}, ['logits_index names map 9', '4: 64 channels']),
    ({'roi_head.mask_head.in_channels': 7}, ['7 channels', '4: 64 channels']),
    ({'roi_head.mask_head.logits_stride': 32}, ['stride 32', '64 x 64']),
    ({'roi_head.bbox_in_indices': [1]}, ['bbox_in_indices=[1]', 'out_channels=32', '[8, 8, 16, 32, 64]']),
    ({f'{CROP}.output_size': 6}, ['(32, 4, 4)', '(32, 6, 6)']),
    ({'rpn_head.in_levels': [0]}, ['[0] of backbone', 'in_channels=32', 'have [8] channels']),
])
def test_maps_that_do_not_fit_are_named_on_both_sides(options, words):
    with pytest.raises(ValueError) as error:
        losses_of(build(dilated_config('both', **options)), batch(CASES['half-empty batch']))
    assert all(word in str(error.value) for word in words), error.value
