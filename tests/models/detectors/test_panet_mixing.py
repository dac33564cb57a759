"""Each PANet part alone among stock parts: the neck under three detectors, the mask head in two."""

import pytest
from mmdet.registry import MODELS
from tiny_models import BACKBONE, CHANNELS, batch, build, check_training_step, predictions_of, tiny_config

OBJECTS = [[[4, 4, 30, 40], [20, 20, 60, 60]], [[0, 0, 64, 64]]]
GN8 = dict(type='GN', num_groups=8)
NECK = dict(type='mmseg_plugins.PANetFPN', in_channels=CHANNELS, out_channels=16, num_outs=5, norm_cfg=GN8)
ROI_TINY = dict(
    test_cfg__rcnn__score_thr=0.0,
    test_cfg__rcnn__max_per_img=4,
    train_cfg__rpn_proposal__max_per_img=20,
    test_cfg__rpn__max_per_img=20)


def solov2():
    return tiny_config(
        'panet/examples/solov2_r50-panetfpn_1x_coco.py',
        neck=dict(NECK),
        mask_head__in_channels=16,
        mask_head__feat_channels=32,
        mask_head__stacked_convs=1,
        mask_head__num_classes=2,
        mask_head__num_grids=[8, 6, 4, 3, 2],
        mask_head__scale_ranges=((1, 16), (8, 32), (16, 48), (32, 64), (48, 128)),
        mask_head__mask_feature_head__feat_channels=32,
        mask_head__mask_feature_head__out_channels=8,
        mask_head__mask_feature_head__norm_cfg=GN8,
        test_cfg__score_thr=0.0,
        test_cfg__filter_thr=0.0)


def mask2former():
    attention = dict(embed_dims=16, num_heads=2)
    head = 'panoptic_head'
    layers = {
        f'{head}__pixel_decoder__encoder__num_layers': 1,
        f'{head}__transformer_decoder__num_layers': 3,
        f'{head}__pixel_decoder__norm_cfg': GN8,
        f'{head}__num_queries': 6,
        f'{head}__in_channels': [16] * 4,
        f'{head}__feat_channels': 16,
        f'{head}__out_channels': 16,
        f'{head}__num_things_classes': 2,
        f'{head}__loss_cls__class_weight': [1.0, 1.0, 0.1],
        'panoptic_fusion_head__num_things_classes': 2,
        f'{head}__positional_encoding__num_feats': 8,
        f'{head}__pixel_decoder__positional_encoding__num_feats': 8,
        'train_cfg__num_points': 32,
        'test_cfg__max_per_image': 4,
        'data_preprocessor__batch_augments': None,
    }
    for key, value in attention.items():
        for path in ('pixel_decoder__encoder__layer_cfg__self_attn_cfg',
                     'transformer_decoder__layer_cfg__self_attn_cfg',
                     'transformer_decoder__layer_cfg__cross_attn_cfg'):
            layers[f'{head}__{path}__{key}'] = value
    for path in ('pixel_decoder__encoder', 'transformer_decoder'):
        layers[f'{head}__{path}__layer_cfg__ffn_cfg__embed_dims'] = 16
        layers[f'{head}__{path}__layer_cfg__ffn_cfg__feedforward_channels'] = 16
    return tiny_config(
        'panet/examples/mask2former_r50-panetfpn_8xb2-lsj-50e_coco.py', neck=dict(NECK, num_outs=4), **layers)


def stock_mask_rcnn():
    """Stock heads and extractors on our neck: only the neck of a ladder config is kept."""
    from mmengine.hub import get_config
    cfg = get_config('mmdet::_base_/models/mask-rcnn_r50_fpn.py')
    cfg.merge_from_dict({
        'model.backbone': dict(BACKBONE),
        'model.neck': dict(NECK),
        'model.rpn_head.in_channels': 16,
        'model.rpn_head.feat_channels': 16,
        'model.roi_head.bbox_roi_extractor.out_channels': 16,
        'model.roi_head.mask_roi_extractor.out_channels': 16,
        'model.roi_head.bbox_head.in_channels': 16,
        'model.roi_head.bbox_head.fc_out_channels': 16,
        'model.roi_head.bbox_head.num_classes': 2,
        'model.roi_head.mask_head.in_channels': 16,
        'model.roi_head.mask_head.conv_out_channels': 16,
        'model.roi_head.mask_head.num_classes': 2,
        **{'model.' + key.replace('__', '.'): value for key, value in ROI_TINY.items()}
    })
    return cfg


def cascade():
    cfg = tiny_config(
        'panet/examples/cascade-mask-rcnn_r50-fusion_1x_coco.py',
        neck__in_channels=CHANNELS,
        neck__out_channels=16,
        rpn_head__in_channels=16,
        rpn_head__feat_channels=16,
        roi_head__bbox_roi_extractor__out_channels=16,
        roi_head__mask_roi_extractor__out_channels=16,
        roi_head__mask_head__in_channels=16,
        roi_head__mask_head__conv_out_channels=16,
        roi_head__mask_head__num_classes=2,
        roi_head__mask_head__norm_cfg=GN8,
        **ROI_TINY)
    for head in cfg.model.roi_head.bbox_head:
        head.update(in_channels=16, fc_out_channels=16, num_classes=2)
    return cfg


MIXES = dict(mask_rcnn=stock_mask_rcnn, solov2=solov2, mask2former=mask2former, cascade=cascade)


@pytest.fixture(scope='module')
def models():
    return {name: build(make()) for name, make in MIXES.items()}


@pytest.mark.parametrize('objects', [OBJECTS, [OBJECTS[0], []]], ids=['objects', 'half-empty batch'])
@pytest.mark.parametrize('name', MIXES)
def test_training_step(models, name, objects):
    models[name].zero_grad(set_to_none=True)
    check_training_step(models[name], batch(objects))


@pytest.mark.parametrize('name', MIXES)
def test_prediction(models, name):
    for result in predictions_of(models[name], batch([[], []])):
        assert len(result) > 0
        assert result.masks.shape == (len(result), 64, 64)


@pytest.mark.parametrize('bbox_type', ['Shared2FCBBoxHead', 'Shared4Conv1FCBBoxHead'])
def test_stock_heads_read_our_extractor_fused(bbox_type):
    cfg = stock_mask_rcnn()
    for name, size in (('bbox', 7), ('mask', 14)):
        cfg.model.roi_head[f'{name}_roi_extractor'] = dict(
            type='mmseg_plugins.AllLevelRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=size, sampling_ratio=2),
            out_channels=16,
            featmap_strides=[4, 8, 16, 32],
            fuse='max')
    cfg.model.roi_head.bbox_head.type = bbox_type
    check_training_step(build(cfg), batch(OBJECTS))


def test_our_heads_after_a_stock_extractor_with_too_many_levels_name_both_sides():
    cfg = stock_mask_rcnn()
    cfg.model.roi_head.mask_head = dict(
        type='mmseg_plugins.AdaptivePoolingMaskHead', in_channels=16, conv_out_channels=16, num_classes=2, norm_cfg=GN8)
    model = build(cfg)
    with pytest.raises(ValueError, match=r'num_levels=4.*\(RoIs, levels, channels, h, w\)'):
        check_training_step(model, batch(OBJECTS))


def test_the_parts_are_found_from_either_host():
    from mmseg.registry import MODELS as MMSEG_MODELS
    for registry in (MODELS, MMSEG_MODELS):
        assert registry.get('mmseg_plugins.PANetFPN').__name__ == 'PANetFPN'
