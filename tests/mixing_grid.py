"""The grid of parts that a config may mix, cut down to 64-pixel images: backbones x necks x systems.

A system is one function ``(maps) -> model dict`` for given channels and strides; :func:`combine` adds data
preprocessor, backbone and neck.  ``tests/test_mixing.py`` walks the grid.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

from mmengine.config import Config, ConfigDict

from mmseg_plugins.config import load_config

CLASSES = 2
WIDTH = 16  # of every neck and head
GN = dict(type='GN', num_groups=4)


class Maps(NamedTuple):
    """What a backbone or a neck gives: channels and strides, finest first."""

    channels: list[int]
    strides: list[int]

    @property
    def width(self) -> int:
        """The one number of channels of all maps."""
        assert len(set(self.channels)) == 1, self
        return self.channels[0]


class System(NamedTuple):
    """A way from maps to instances: how many maps it reads, and whether each may have channels of its own."""

    make: Callable[[Maps], dict[str, Any]]
    levels: int
    own_channels: bool = False


# ------------------------------------------------------------------------------------------------------ backbones
# Four maps at strides 4, 8, 16, 32 each: name -> (channels, config).  Left out: TapBackbone, which adds maps of other
# strides to those of a backbone above, and VGG, whose last stages have stride 8 for InstanceFCN's windows.
BACKBONES: dict[str, tuple[list[int], dict[str, Any]]] = {
    'mmdet.ResNet': ([8, 16, 32, 64], dict(
        type='mmdet.ResNet', depth=18, base_channels=8, norm_eval=False, init_cfg=None)),
    'mmdet.SwinTransformer': ([8, 16, 32, 64], dict(
        type='mmdet.SwinTransformer', embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_size=4,
        drop_path_rate=0.0)),
    'mmdet.PyramidVisionTransformerV2': ([8, 16, 24, 32], dict(
        type='mmdet.PyramidVisionTransformerV2', embed_dims=8, num_layers=[1, 1, 1, 1], num_heads=[1, 2, 3, 4],
        drop_path_rate=0.0, init_cfg=None)),
    'mmseg_plugins.CeilPoolResNet': ([8, 16, 32, 64], dict(
        type='mmseg_plugins.CeilPoolResNet', depth=18, base_channels=8, norm_eval=False, init_cfg=None)),
    'mmseg_plugins.ConvNeXt': ([8, 16, 24, 32], dict(
        type='mmseg_plugins.ConvNeXt', arch=((1, 1, 1, 1), (8, 16, 24, 32)))),
    'mmseg.MixVisionTransformer': ([8, 16, 24, 32], dict(
        type='mmseg.MixVisionTransformer', embed_dims=8, num_layers=[1, 1, 1, 1], num_heads=[1, 2, 3, 4],
        drop_path_rate=0.0)),
}  # fmt: skip
STRIDES = [4, 8, 16, 32, 64]


# ---------------------------------------------------------------------------------------------------------- necks
def _neck(kind: str, **options: Any) -> Callable[[list[int], int], dict[str, Any] | None]:
    return lambda channels, levels: dict(
        type=kind, in_channels=list(channels), out_channels=WIDTH, num_outs=levels, **options)


NECKS: dict[str, Callable[[list[int], int], dict[str, Any] | None]] = {
    'none': lambda channels, levels: None,
    'mmdet.FPN': _neck('mmdet.FPN'),
    'mmdet.PAFPN': _neck('mmdet.PAFPN'),
    'mmdet.ChannelMapper': _neck('mmdet.ChannelMapper', norm_cfg=GN),
    'mmseg_plugins.PANetFPN': _neck('mmseg_plugins.PANetFPN', norm_cfg=GN),
}


# -------------------------------------------------------------------------------------------------------- systems
_read = cache(load_config)


def _stock(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The model of a stock config without backbone, neck and preprocessor, with ``changes`` of dotted keys."""
    model = deepcopy(_read(name).model)
    for key in ('backbone', 'neck', 'data_preprocessor'):
        model.pop(key, None)
    cfg = Config(dict(model=model))
    cfg.merge_from_dict({f'model.{key}': value for key, value in changes.items()})
    return cfg.model.to_dict()


def _proposals(maps: Maps) -> dict[str, Any]:
    return {
        'rpn_head.in_channels': maps.width,
        'rpn_head.feat_channels': WIDTH,
        'rpn_head.anchor_generator.scales': [4],
        'rpn_head.anchor_generator.strides': list(maps.strides),
        'train_cfg.rpn_proposal.max_per_img': 12,
        'train_cfg.rpn.sampler.num': 32,
        'train_cfg.rcnn.sampler.num': 12,
        'test_cfg.rpn.max_per_img': 12,
        'test_cfg.rcnn.score_thr': 0.0,
        'test_cfg.rcnn.max_per_img': 4,
        **{f'roi_head.{kind}_roi_extractor.out_channels': maps.width for kind in ('bbox', 'mask')},
        **{f'roi_head.{kind}_roi_extractor.featmap_strides': list(maps.strides[:4]) for kind in ('bbox', 'mask')},
    }


def mask_rcnn(maps: Maps) -> dict[str, Any]:
    """Stock Mask R-CNN."""
    heads = {
        'roi_head.bbox_head.in_channels': maps.width,
        'roi_head.bbox_head.fc_out_channels': WIDTH,
        'roi_head.bbox_head.num_classes': CLASSES,
        'roi_head.mask_head.in_channels': maps.width,
        'roi_head.mask_head.conv_out_channels': WIDTH,
        'roi_head.mask_head.num_convs': 1,
        'roi_head.mask_head.num_classes': CLASSES,
    }
    return _stock('mmdet::_base_/models/mask-rcnn_r50_fpn.py', {**_proposals(maps), **heads})


def panet(maps: Maps) -> dict[str, Any]:
    """Adaptive feature pooling and fully-connected fusion on any neck."""
    model = mask_rcnn(maps)
    roi_head = model['roi_head']
    for kind in ('bbox', 'mask'):
        roi_head[f'{kind}_roi_extractor']['type'] = 'mmseg_plugins.AllLevelRoIExtractor'
        roi_head[f'{kind}_head'].update(num_levels=4, norm_cfg=GN, conv_out_channels=WIDTH)
    roi_head['bbox_head']['type'] = 'mmseg_plugins.AdaptivePooling4Conv1FCBBoxHead'
    roi_head['mask_head'].update(type='mmseg_plugins.AdaptivePoolingMaskHead', roi_feat_size=14, num_convs=2)
    return model


def cascade(maps: Maps) -> dict[str, Any]:
    """Stock Cascade Mask R-CNN whose mask heads are ours."""
    model = _stock('mmdet::_base_/models/cascade-mask-rcnn_r50_fpn.py', {
        **{key: value for key, value in _proposals(maps).items() if not key.startswith('train_cfg.rcnn')},
        'roi_head.mask_head': dict(
            type='mmseg_plugins.AdaptivePoolingMaskHead', num_levels=1, num_convs=2, roi_feat_size=14, norm_cfg=GN,
            in_channels=maps.width, conv_out_channels=WIDTH, num_classes=CLASSES)})  # fmt: skip
    for head in model['roi_head']['bbox_head']:
        head.update(in_channels=maps.width, fc_out_channels=WIDTH, num_classes=CLASSES)
    for stage in model['train_cfg']['rcnn']:
        stage['sampler']['num'] = 12
    return model


GRIDS = [6, 5, 4, 3, 2]
RANGES = ((1, 16), (8, 32), (16, 48), (32, 64), (48, 128))


def _solo(name: str, maps: Maps, **changes: Any) -> dict[str, Any]:
    return _stock(name, {
        'mask_head.in_channels': maps.width,
        'mask_head.feat_channels': WIDTH,
        'mask_head.stacked_convs': 1,
        'mask_head.num_classes': CLASSES,
        'mask_head.num_grids': GRIDS,
        'mask_head.scale_ranges': RANGES,
        'mask_head.norm_cfg': GN,
        'test_cfg.score_thr': 0.0,
        'test_cfg.filter_thr': 0.0,
        'test_cfg.mask_thr': 0.0,
        'test_cfg.max_per_img': 4,
        **changes,
    })


def solo(maps: Maps) -> dict[str, Any]:
    """Stock SOLO."""
    return _solo('mmdet::solo/solo_r50_fpn_1x_coco.py', maps)


def decoupled_solo(maps: Maps) -> dict[str, Any]:
    """Stock decoupled SOLO."""
    return _solo('mmdet::solo/decoupled-solo_r50_fpn_1x_coco.py', maps)


def solov2(maps: Maps) -> dict[str, Any]:
    """Stock SOLOv2."""
    return _solo('mmdet::solov2/solov2_r50_fpn_1x_coco.py', maps, **{
        'mask_head.mask_feature_head.in_channels': maps.width,
        'mask_head.mask_feature_head.feat_channels': WIDTH,
        'mask_head.mask_feature_head.out_channels': 8,
        'mask_head.mask_feature_head.norm_cfg': GN,
    })


def our_solo(maps: Maps) -> dict[str, Any]:
    """SOLO with our head."""
    return _solo('mmdet::solo/solo_r50_fpn_1x_coco.py', maps, **{'mask_head.type': 'mmseg_plugins.SOLOHead'})


def our_decoupled_solo(maps: Maps) -> dict[str, Any]:
    """Decoupled SOLO with our head."""
    model = decoupled_solo(maps)
    model['mask_head'].update(type='mmseg_plugins.DecoupledSOLOHead')
    return model


def our_decoupled_solo_light(maps: Maps) -> dict[str, Any]:
    """The light decoupled SOLO with our head."""
    model = decoupled_solo(maps)
    model['mask_head'].update(type='mmseg_plugins.DecoupledSOLOLightHead')
    return model


def our_solov2(maps: Maps) -> dict[str, Any]:
    """SOLOv2 with our head."""
    model = solov2(maps)
    model['mask_head'].update(type='mmseg_plugins.SOLOV2Head')
    return model


def fcis(maps: Maps) -> dict[str, Any]:
    """FCIS on the finest map, its proposals on all of them."""
    model = mask_rcnn(maps)
    model['rpn_head'].update(type='mmseg_plugins.LevelRPNHead')
    model['roi_head'] = dict(
        type='mmseg_plugins.FCISHead', convention='chainercv', in_levels=[0], featmap_strides=[4],
        in_channels=maps.width, feat_channels=WIDTH, num_classes=CLASSES,
        loss=dict(type='mmseg_plugins.FCISLoss', mask_weight=10.0))  # fmt: skip
    overlap = dict(pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5, match_low_quality=False)
    model['train_cfg']['rcnn'] = dict(
        assigner=dict(type='mmdet.MaxIoUAssigner', **overlap),
        sampler=dict(type='mmseg_plugins.JointLossOHEMSampler', num=12),
        mask_thr=0.4)
    model['test_cfg']['rcnn'] = dict(
        score_thr=0.0, max_per_img=4, nms_iou=0.3, merge_iou=0.5, mask_thr_binary=0.4, min_bbox_size=2)
    return model


def masklab(maps: Maps) -> dict[str, Any]:
    """MaskLab's masks, refinement included, under the boxes of Mask R-CNN."""
    model = mask_rcnn(maps)
    model['roi_head'].update(
        type='mmseg_plugins.MaskLabRoIHead',
        mask_roi_extractor=None,
        mask_head=dict(
            type='mmseg_plugins.MaskLabMaskHead', num_classes=CLASSES, in_channels=maps.width, logits_index=0,
            logits_stride=4, mask_size=9,
            refine=dict(indices=[0], channels=[maps.width], strides=[4], conv_channels=8)))  # fmt: skip
    model['train_cfg']['rcnn']['max_masks_per_img'] = 4
    return model


def mask2former(maps: Maps) -> dict[str, Any]:
    """Stock Mask2Former."""
    name = 'mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco.py'
    attention = dict(embed_dims=WIDTH, num_heads=2)
    ffn = dict(embed_dims=WIDTH, feedforward_channels=WIDTH)
    layers = {
        'pixel_decoder.encoder.num_layers': 1,
        'pixel_decoder.norm_cfg': GN,
        'pixel_decoder.positional_encoding.num_feats': WIDTH // 2,
        'positional_encoding.num_feats': WIDTH // 2,
        'transformer_decoder.num_layers': 3,
        'num_queries': 6,
        'in_channels': list(maps.channels),
        'strides': list(maps.strides),
        'pixel_decoder.strides': list(maps.strides),
        'feat_channels': WIDTH,
        'out_channels': WIDTH,
        'num_things_classes': CLASSES,
        'loss_cls.class_weight': [1.0] * CLASSES + [0.1],
    }
    for path in ('pixel_decoder.encoder.layer_cfg.self_attn_cfg', 'transformer_decoder.layer_cfg.self_attn_cfg',
                 'transformer_decoder.layer_cfg.cross_attn_cfg'):
        layers.update({f'{path}.{key}': value for key, value in attention.items()})
    for path in ('pixel_decoder.encoder.layer_cfg', 'transformer_decoder.layer_cfg'):
        layers.update({f'{path}.ffn_cfg.{key}': value for key, value in ffn.items()})
    return _stock(name, {
        **{f'panoptic_head.{key}': value for key, value in layers.items()},
        'panoptic_fusion_head.num_things_classes': CLASSES,
        'train_cfg.num_points': 32,
        'test_cfg.max_per_image': 4,
    })


SYSTEMS: dict[str, System] = {
    'Mask R-CNN': System(mask_rcnn, 5),
    'PANet': System(panet, 5),
    'Cascade R-CNN, our mask head': System(cascade, 4),
    'FCIS': System(fcis, 5),
    'MaskLab': System(masklab, 5),
    'SOLO': System(our_solo, 5),
    'decoupled SOLO': System(our_decoupled_solo, 5),
    'light decoupled SOLO': System(our_decoupled_solo_light, 5),
    'SOLOv2': System(our_solov2, 5),
    'stock SOLO': System(solo, 5),
    'stock decoupled SOLO': System(decoupled_solo, 5),
    'stock SOLOv2': System(solov2, 5),
    'Mask2Former': System(mask2former, 4, own_channels=True),
}


# ---------------------------------------------------------------------------------------------------- combinations
class Mix(NamedTuple):
    """One cell of the grid."""

    backbone: str
    neck: str
    system: str

    def __str__(self) -> str:
        return ' + '.join(self)


GRID = [Mix(backbone, neck, system) for backbone in BACKBONES for neck in NECKS for system in SYSTEMS]


def legal(mix: Mix) -> bool:
    """Without a neck a system must take as many maps as backbones give, each with channels of its own."""
    system = SYSTEMS[mix.system]
    return mix.neck != 'none' or (system.own_channels and system.levels == 4)


def combine(mix: Mix) -> ConfigDict:
    """The model config of one cell; the heads of an illegal one are made for what a neck would give."""
    channels, backbone = BACKBONES[mix.backbone]
    system = SYSTEMS[mix.system]
    neck = NECKS[mix.neck](channels, system.levels)
    bare = neck is None and legal(mix)
    maps = Maps(list(channels) if bare else [WIDTH] * system.levels, STRIDES[:system.levels])
    model = system.make(maps)
    model['data_preprocessor'] = dict(
        type='mmdet.DetDataPreprocessor', mean=[127.0] * 3, std=[60.0] * 3, pad_size_divisor=32, pad_mask=True)
    model['backbone'] = dict(backbone)
    if neck is not None:
        model['neck'] = neck
    return ConfigDict(model)
