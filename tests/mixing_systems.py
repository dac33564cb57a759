"""The systems of the mixing grid: for given channels and strides, a detector's model without backbone and neck.

Each is cut down to 64-pixel images.  Left out, since their contract is one of the links that the systems here try, or
not one of maps at all:

* ``RoIOpExtractor``, ``CropResizeRoIExtractor``, ``DeformCropRoIExtractor``: give what the stock extractor gives, for
  any head;
* shared heads (MaskLab's copy of res5): stock ``ResLayer`` between extractor and box head, asked by ``check_model``;
* ``PSENetFPN``: a neck whose maps are those of FPN;
* ``mmseg_plugins.InstanceFCN``, ``TiledSOLO`` and ``TiledMask2Former``: detectors that differ from the stock ones in
  prediction only;
* decode heads: semantic segmentation has a grid of its own, ``tests/test_semantic_contract.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

from mmengine.config import Config

from mmseg_plugins.config.load import load_config

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
    """A way from maps to instances.

    ``levels`` is the number of a neck's maps that it reads.  ``bare`` names those of a backbone that it can read
    without a neck, each with channels of its own, and ``make_bare`` says how, where that is not ``make``.
    """

    make: Callable[[Maps], dict[str, Any]]
    levels: int
    bare: tuple[int, ...] = ()
    make_bare: Callable[[Maps], dict[str, Any]] | None = None


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
        # All anchors of a 64-pixel image train, those across its border included, so that every map is read.
        'train_cfg.rpn.sampler.num': 1100,
        'train_cfg.rpn.allowed_border': -1,
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


def _with_our_head(model: dict[str, Any], kind: str) -> dict[str, Any]:
    model['mask_head'].update(type=f'mmseg_plugins.{kind}')
    return model


def our_solo(maps: Maps) -> dict[str, Any]:
    """SOLO with our head."""
    return _solo('mmdet::solo/solo_r50_fpn_1x_coco.py', maps, **{'mask_head.type': 'mmseg_plugins.SOLOHead'})


def our_decoupled_solo(maps: Maps) -> dict[str, Any]:
    """Decoupled SOLO with our head."""
    return _with_our_head(decoupled_solo(maps), 'DecoupledSOLOHead')


def our_decoupled_solo_light(maps: Maps) -> dict[str, Any]:
    """The light decoupled SOLO with our head."""
    return _with_our_head(decoupled_solo(maps), 'DecoupledSOLOLightHead')


def our_solov2(maps: Maps) -> dict[str, Any]:
    """SOLOv2 with our head."""
    return _with_our_head(solov2(maps), 'SOLOV2Head')


def fcis(maps: Maps) -> dict[str, Any]:
    """FCIS on the finest map, its proposals on all of them."""
    model = mask_rcnn(maps)
    model['rpn_head'].update(type='mmseg_plugins.LevelRPNHead')
    model['roi_head'] = dict(
        type='mmseg_plugins.FCISHead', preset='chainercv', in_levels=[0], featmap_strides=[4],
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


def bare_fcis(maps: Maps) -> dict[str, Any]:
    """FCIS as released: the RPN reads the last map but one, the head the last one (configs/fcis/_base_/dc5.py)."""
    model = fcis(Maps(maps.channels[:1], maps.strides[:1]))
    model['rpn_head'].update(in_levels=[0])
    model['roi_head'].update(in_levels=[1], featmap_strides=maps.strides[1:], in_channels=maps.channels[1])
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


def bare_masklab(maps: Maps) -> dict[str, Any]:
    """MaskLab as published: boxes from one map, masks from the last, refined by the first two
    (configs/masklab/_base_/r101.py)."""
    model = masklab(Maps(maps.channels[2:3], maps.strides[2:3]))
    model['rpn_head'].update(type='mmseg_plugins.LevelRPNHead', in_levels=[2], box_mode='half_open')
    model['roi_head'].update(bbox_in_indices=[2])
    model['roi_head']['mask_head'].update(
        in_channels=maps.channels[3], logits_index=3, logits_stride=maps.strides[3],
        refine=dict(indices=[0, 1], channels=maps.channels[:2], strides=maps.strides[:2], conv_channels=8))
    return model


def _one_stage(test_cfg: dict[str, Any], **head: Any) -> dict[str, Any]:
    return dict(type='mmdet.SingleStageInstanceSegmentor', mask_head=head, test_cfg=test_cfg)


def instance_fcn(maps: Maps) -> dict[str, Any]:
    """InstanceFCN's windows on every map."""
    model = _one_stage(
        dict(max_per_img=4), type='mmseg_plugins.InstanceFCNHead', in_channels=maps.width, strides=list(maps.strides),
        feat_channels=WIDTH, positions=3, window_size=5, norm_cfg=GN)
    model['train_cfg'] = dict(
        assigner=dict(type='mmseg_plugins.WindowAssigner', scale_positive=2**0.5, open_ended=True),
        sampler=dict(type='mmdet.RandomSampler', num=400, pos_fraction=0.5, add_gt_as_proposals=False))
    return model


def psenet(maps: Maps) -> dict[str, Any]:
    """PSENet's kernels from all maps."""
    return _one_stage(
        dict(min_area=1, min_score=0.0, max_per_img=4), type='mmseg_plugins.PSENetHead',
        in_channels=list(maps.channels), stride=maps.strides[0], num_kernels=3, feat_channels=WIDTH, norm_cfg=GN)


def embedding(maps: Maps) -> dict[str, Any]:
    """Pixel embeddings from all maps."""
    return _one_stage(
        dict(bandwidth=1.5, max_clusters=8, max_steps=3, min_pixels=1, max_per_img=4),
        type='mmseg_plugins.EmbeddingHead', in_channels=list(maps.channels), stride=maps.strides[0],
        num_classes=CLASSES, per_class=False, feat_channels=WIDTH, num_convs=1, upsample_factor=2, norm_cfg=GN)


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
    'FCIS': System(fcis, 5, (2, 3), bare_fcis),
    'MaskLab': System(masklab, 5, (0, 1, 2, 3), bare_masklab),
    'InstanceFCN': System(instance_fcn, 4, (3, )),
    'PSENet': System(psenet, 4, (0, 1, 2, 3)),
    'embeddings': System(embedding, 4, (0, 1, 2, 3)),
    'SOLO': System(our_solo, 5),
    'decoupled SOLO': System(our_decoupled_solo, 5),
    'light decoupled SOLO': System(our_decoupled_solo_light, 5),
    'SOLOv2': System(our_solov2, 5),
    'stock SOLO': System(solo, 5),
    'stock decoupled SOLO': System(decoupled_solo, 5),
    'stock SOLOv2': System(solov2, 5),
    'Mask2Former': System(mask2former, 4, (0, 1, 2, 3)),
}
