"""FCIS as an RoI head of mmdet's two-stage detectors.

Paper: "Fully Convolutional Instance-aware Semantic Segmentation", https://arxiv.org/abs/1611.07709.
Original code (MIT): https://github.com/msracver/FCIS/tree/309f6c9a1669bf05a955b66519a807951e70197f

There is no layer after an RoI: all convolutions run once per image, and an RoI only averages.  That makes the second
pass at test time, on the boxes that the first one refined, nearly free.

Shapes: B images, N RoIs, K classes, p x p mask bins, H x W image pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmdet.registry import MODELS as MMDET_MODELS
from mmdet.registry import TASK_UTILS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.models.postprocess import mask_voting, paste_masks
from mmseg_plugins.models.task_modules import FCISTargets, fcis_targets
from mmseg_plugins.models.task_modules.joint_loss_ohem_sampler import LossMiner
from mmseg_plugins.ops.ps_roi_pool import ps_roi_pool, ps_roi_pool_chunks
from mmseg_plugins.registry import MODELS
from mmseg_plugins.structures.boxes import BoxMode
from mmseg_plugins.utils.deprecation import warn_renamed

from .fcis_score_maps import (
    FCISScoreMaps,
    ScoreMaps,
    SidesOfClasses,
    box_deltas,
    joint_logits,
    masks_of,
    picked_classes,
    separate_logits,
)

STDS = (0.2, 0.2, 0.5, 0.5)


class FCISPreset(NamedTuple):
    """Where the two forks of FCIS differ.

    Attributes:
        name: What a config calls it.
        box_mode: How boxes count their pixels; with it, how RoIs are rounded and by whose rules masks are voted for.
        bbox_coder: Type of the box coder.
        background_masks: An RoI shows the mask of its best class, background included; without, of its best object
            class.
        loss_over_quota: Mask and box loss are divided by the sampler's quota; without, by the number of RoIs.
    """

    name: str
    box_mode: BoxMode
    bbox_coder: str
    background_masks: bool
    loss_over_quota: bool


PRESETS = {preset.name: preset for preset in (
    FCISPreset('msracver', BoxMode.INCLUSIVE, 'mmseg_plugins.InclusiveDeltaXYWHBBoxCoder', False, True),
    FCISPreset('chainercv', BoxMode.HALF_OPEN, 'mmdet.DeltaXYWHBBoxCoder', True, False),
)}


class RoIReadings(NamedTuple):
    """What the score maps say about N RoIs at test time.

    Attributes:
        cls_logit: (N, K + 1), column 0 is background.
        mask_logit: (N, 2, p, p), outside and inside of the class ``mask_class``.
        mask_class: (N,).
        box_delta: (N, 4), normalized.
    """

    cls_logit: Tensor
    mask_logit: Tensor
    mask_class: Tensor
    box_delta: Tensor


@MODELS.register_module()
class FCISHead(BaseModule):
    """Joint inside/outside score maps for class, mask and box.

    .. code-block:: none

        map of in_levels -score_maps-> seg, box --ps_roi_pool--> class, mask of every class, deltas
            training: targets, [OHEM], loss
            test:     RoIs -> read -> refined RoIs -> read -> both sets -> mask voting

    Args:
        in_channels: Channels of the maps that are read.
        num_classes: K.
        feat_channels, group_size, num_convs, norm_cfg: See ``FCISScoreMaps``.
        pooled_size: p; 21 in the original, three bins a group.
        in_levels: Which maps are read, by their index among those of backbone and neck; the convolutions are shared.
        featmap_strides: Stride of each of ``in_levels``.
        finest_scale: With several levels, RoIs with a geometric mean side below twice this are read from the first,
            below four times from the second, and so on, as in stock extractors.
        separate_maps: The paper's ablation without the joint formulation.
        preset: ``'msracver'`` (original) or ``'chainercv'``, a name of :data:`PRESETS`; see :class:`FCISPreset`.
        convention: Former name of ``preset``.
        num_passes: Readings at test time; each refines the boxes for the next.
        bbox_coder: By default that of the preset with stds (.2, .2, .5, .5).
        loss: Config of an ``FCISLoss``.
        train_cfg: ``assigner``; ``sampler`` (``JointLossOHEMSampler`` for OHEM); ``mask_thr``: least value of a
            resized mask that is a positive bin, 0.4.
        test_cfg: ``score_thr``, ``max_per_img``, ``nms_iou``, ``merge_iou``, ``mask_thr_binary``, ``drop_flat``: see
            ``mask_voting``; ``min_bbox_size``: least side of an RoI in input pixels.
    """

    with_bbox = True
    with_mask = True
    with_shared_head = False

    def __init__(self,
                 *,
                 in_channels: int,
                 num_classes: int,
                 feat_channels: int = 1024,
                 group_size: int = 7,
                 num_convs: int = 0,
                 norm_cfg: dict | None = None,
                 pooled_size: int = 21,
                 in_levels: Sequence[int] = (-1, ),
                 featmap_strides: Sequence[int] = (16, ),
                 finest_scale: float = 56,
                 separate_maps: bool = False,
                 preset: str = 'msracver',
                 convention: str | None = None,
                 num_passes: int = 2,
                 bbox_coder: dict | None = None,
                 loss: dict | None = None,
                 train_cfg: Any = None,
                 test_cfg: Any = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if convention is not None:
            warn_renamed(f'convention={convention!r} of FCISHead', f'preset={convention!r}')
            preset = convention
        if preset not in PRESETS:
            raise ValueError(f'FCISHead: preset={preset!r}. Rule: one of {list(PRESETS)}. Fix: one of the two')
        if len(in_levels) != len(featmap_strides) or not in_levels:
            raise ValueError(f'FCISHead: in_levels={list(in_levels)} and featmap_strides={list(featmap_strides)} must '
                             'have one entry each a map')
        if num_passes < 1:
            raise ValueError(f'FCISHead: num_passes={num_passes}, it must be at least 1')
        self.num_classes = num_classes
        self.pooled_size = pooled_size
        self.in_levels = list(in_levels)
        self.featmap_strides = list(featmap_strides)
        self.finest_scale = finest_scale
        self.separate_maps = separate_maps
        self.preset = PRESETS[preset]
        self.box_mode = self.preset.box_mode
        self.num_passes = num_passes
        self.train_cfg = train_cfg
        self.test_cfg = test_cfg
        self.score_maps = FCISScoreMaps(in_channels, num_classes, feat_channels, group_size, num_convs, norm_cfg)
        self.bbox_coder = TASK_UTILS.build(bbox_coder or dict(type=self.preset.bbox_coder, target_stds=STDS))
        self.loss_fcis = MMDET_MODELS.build(loss or dict(type='mmseg_plugins.FCISLoss'))
        if train_cfg:
            self.assigner = TASK_UTILS.build(train_cfg['assigner'])
            self.sampler = TASK_UTILS.build(train_cfg['sampler'], default_args=dict(context=self))

    def init_weights(self) -> None:
        """The original's N(0, 0.01), then what ``init_cfg`` says."""
        self.score_maps.init_weights()
        super().init_weights()

    # ------------------------------------------------------------------ network

    def maps(self, x: Sequence[Tensor], metas: Sequence[dict] = ()) -> list[ScoreMaps]:
        """Score maps of each level read, float32 or wider: a mean of 16-bit numbers is none itself.

        ``ValueError`` when the maps ``x`` are not what the head was built for.
        """
        got = [tuple(f.shape[1:]) for f in x]
        if any(not -len(x) <= i < len(x) for i in self.in_levels):
            raise ValueError(f'FCISHead: in_levels={self.in_levels}, but backbone and neck give {len(x)} maps of '
                             f'(channels, h, w) = {got}; choose among 0..{len(x) - 1}, or extend their outputs')
        chosen = [x[i] for i in self.in_levels]
        for feat, index, stride in zip(chosen, self.in_levels, self.featmap_strides, strict=True):
            if feat.size(1) != self.score_maps.in_channels:
                raise ValueError(f'FCISHead: in_channels={self.score_maps.in_channels}, but map {index} of backbone '
                                 f'and neck has {feat.size(1)} channels (all: {got}); set in_channels to that')
            size = metas[0].get('batch_input_shape') if metas else None
            if size and max(abs(size[0] / stride - feat.size(2)), abs(size[1] / stride - feat.size(3))) > 1:
                raise ValueError(
                    f'FCISHead: featmap_strides={self.featmap_strides}, but map {index} of backbone and neck is '
                    f'{tuple(feat.shape[2:])} for an input of {tuple(size)}; name its stride, or dilate the last '
                    'stage (ResNet: strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2))')
        half = (torch.float16, torch.bfloat16)
        return [
            ScoreMaps(*(x.float() if x.dtype in half else x for x in self.score_maps(feat))) for feat in chosen
        ]

    def levels_of(self, rois: Tensor) -> Tensor:
        """Which of the maps each RoI (N, 5) is read from, (N,)."""
        sides = self.box_mode.sides(rois[:, 1:]).clamp(min=1e-6)
        level = (sides.log2().mean(1) - math.log2(self.finest_scale)).floor()  # of the geometric mean side
        return level.clamp(0, len(self.in_levels) - 1).long()

    def logits(self, pooled: Tensor) -> SidesOfClasses:
        """Class and mask logits from pooled maps."""
        return separate_logits(pooled) if self.separate_maps else joint_logits(pooled)

    def pool(self, maps: Sequence[ScoreMaps], rois: Tensor) -> tuple[SidesOfClasses, Tensor]:
        """Everything about RoIs (N, 5), for training: logits of every class and deltas (N, 4)."""
        if len(maps) == 1:
            seg, box = (self._pool(m, rois, 0) for m in maps[0])
        else:
            levels = self.levels_of(rois)
            order = levels.argsort(stable=True).argsort()
            parts = [[self._pool(m, rois[levels == i], i) for m in level] for i, level in enumerate(maps)]
            seg, box = (torch.cat(column)[order] for column in zip(*parts, strict=True))
        return self.logits(seg), box_deltas(box)

    def read(self, maps: Sequence[ScoreMaps], rois: Tensor) -> RoIReadings:
        """What test time needs of RoIs (N, 5), piece by piece, so that the masks of all classes are never kept."""
        levels = self.levels_of(rois)
        order = levels.argsort(stable=True).argsort()
        k, p = self.num_classes + 1, self.pooled_size
        parts = [(rois.new_zeros(0, k), rois.new_zeros(0, 2, p, p), levels[:0], rois.new_zeros(0, 4))]
        for i, level in enumerate(maps):
            some = rois[levels == i]
            deltas = box_deltas(self._pool(level.box, some, i))
            chunks = ps_roi_pool_chunks(level.seg, some, p, self.score_maps.group_size, 1 / self.featmap_strides[i],
                                        self.box_mode)
            for pooled in chunks:
                sides = self.logits(pooled)
                classes = picked_classes(sides.cls_logit, self.preset.background_masks)
                done, deltas = deltas[:len(classes)], deltas[len(classes):]
                parts.append((sides.cls_logit, masks_of(sides.mask_logit, classes), classes, done))
        return RoIReadings(*(torch.cat(column)[order] for column in zip(*parts, strict=True)))

    def _pool(self, maps: Tensor, rois: Tensor, level: int) -> Tensor:
        return ps_roi_pool(maps, rois, self.pooled_size, self.score_maps.group_size, 1 / self.featmap_strides[level],
                           self.box_mode)

    def forward(self, x: Sequence[Tensor], rpn_results_list: list[InstanceData],
                batch_data_samples: list[DetDataSample] | None = None) -> tuple[Tensor, ...]:
        """Network alone: class logits, deltas and mask logits of the proposals."""
        readings = self.read(self.maps(x), bbox2roi([result.bboxes for result in rpn_results_list]))
        return readings.cls_logit, readings.box_delta, readings.mask_logit

    # ----------------------------------------------------------------- training

    def loss(self, x: Sequence[Tensor], rpn_results_list: list[InstanceData],
             batch_data_samples: list[DetDataSample]) -> dict[str, Tensor]:
        """Give ``loss_cls``, the mean over the RoIs of all images, and ``loss_mask`` and ``loss_bbox``, sums over them
        divided by the sampler's quota of all images (preset ``'chainercv'``: by the number of RoIs).

        ``positive_share``, for the log, says how many of the RoIs in them are objects.  Near 1 the background is not
        learned, and scores mean nothing: objects have the larger losses and fill the miner's quota where they are many.
        Fix: a larger ``num`` of the sampler, or a sampler that draws at random.
        """
        maps = self.maps(x, [sample.metainfo for sample in batch_data_samples])
        with torch.no_grad():
            targets = [
                self.targets(result.bboxes, sample)
                for result, sample in zip(rpn_results_list, batch_data_samples, strict=True)
            ]
        sides, deltas = self.pool(maps, bbox2roi([t.rois for t in targets]))
        joined = FCISTargets(*(torch.cat(column) for column in zip(*targets, strict=True)))
        masks = masks_of(sides.mask_logit, joined.labels)
        terms = self.loss_fcis.per_roi(sides.cls_logit, masks, deltas, joined.labels, joined.mask_targets,
                                       joined.box_targets)
        labels = joined.labels
        if isinstance(self.sampler, LossMiner):
            kept = self._mined(self.loss_fcis.joint(terms), [len(t.rois) for t in targets])
            terms, labels = type(terms)(*(term[kept] for term in terms)), labels[kept]
        normalizer = self.quota * len(targets) if self.preset.loss_over_quota else None
        share = (labels > 0).sum() / max(len(labels), 1)
        return dict(self.loss_fcis(terms, labels, avg_factor=normalizer), positive_share=share)

    @property
    def quota(self) -> int:
        """RoIs per image that the sampler is asked for, R of the loss."""
        quota: int = self.sampler.num_hard if isinstance(self.sampler, LossMiner) else self.sampler.num
        return quota

    def targets(self, proposals: Tensor, sample: DetDataSample) -> FCISTargets:
        """Sample RoIs of one image from its proposals (n, 4) and objects, and say what they should become."""
        objects = sample.gt_instances
        if 'masks' not in objects:
            raise ValueError('FCISHead: the data samples hold no masks; '
                             'set with_mask=True in LoadAnnotations of the training pipeline')
        gt = InstanceData(bboxes=self.box_mode.from_half_open(objects.bboxes), labels=objects.labels)
        ignored = sample.get('ignored_instances')
        if ignored is not None:
            ignored = InstanceData(bboxes=self.box_mode.from_half_open(ignored.bboxes))
        candidates = InstanceData(priors=proposals)
        sampled = self.sampler.sample(self.assigner.assign(candidates, gt, ignored), candidates, gt)
        background = sampled.neg_inds.new_full(sampled.neg_inds.shape, -1)
        masks = objects.masks
        masks = masks if isinstance(masks, Tensor) else masks.to_tensor(torch.uint8, proposals.device)
        return fcis_targets(sampled.priors, torch.cat([sampled.pos_assigned_gt_inds, background]), gt.bboxes, gt.labels,
                            masks, self.bbox_coder, self.pooled_size, self.train_cfg.get('mask_thr', 0.4),
                            self.box_mode)

    def _mined(self, loss: Tensor, sizes: list[int]) -> Tensor:
        """The hardest RoIs of each image, as indices into all."""
        kept, first = [], 0
        for part in loss.detach().split(sizes):
            kept.append(self.sampler.mine(part) + first)
            first += len(part)
        return torch.cat(kept)

    # --------------------------------------------------------------------- test

    def predict(self,
                x: Sequence[Tensor],
                rpn_results_list: list[InstanceData],
                batch_data_samples: list[DetDataSample],
                rescale: bool = False) -> list[InstanceData]:
        """Detect: ``bboxes`` (n, 4) half-open, ``scores``, ``labels`` 0..K - 1 and ``masks`` (n, H, W) bool of each
        image, in pixels of the original image with ``rescale``, else of the network's input."""
        metas = [sample.metainfo for sample in batch_data_samples]
        rois, readings = self.passes(self.maps(x, metas), bbox2roi([result.bboxes for result in rpn_results_list]),
                                     [meta['img_shape'] for meta in metas])
        probs, inside = readings.cls_logit.softmax(1), readings.mask_logit.softmax(1)[:, 1]
        results = []
        for index, meta in enumerate(metas):
            own = rois[:, 0] == index
            results.append(self._detect(rois[own, 1:], probs[own], inside[own], meta, rescale))
        return results

    def passes(self, maps: Sequence[ScoreMaps], rois: Tensor,
               shapes: Sequence[tuple[int, int]]) -> tuple[Tensor, RoIReadings]:
        """Read RoIs (N, 5), refine and clip them to their images (height, width), read again: (passes N, 5) RoIs,
        pass after pass, and their readings."""
        all_rois, readings = [], []
        for _ in range(self.num_passes):
            reading = self.read(maps, rois)
            all_rois.append(rois)
            readings.append(reading)
            boxes = self.bbox_coder.decode(rois[:, 1:], reading.box_delta.to(rois.dtype))
            limits = rois.new_tensor([(shape[1], shape[0]) * 2 for shape in shapes]).reshape(-1, 4)[rois[:, 0].long()]
            rois = torch.cat([rois[:, :1], self.box_mode.clip(boxes, limits)], 1)
        return torch.cat(all_rois), RoIReadings(*(torch.cat(column) for column in zip(*readings, strict=True)))

    def _detect(self, boxes: Tensor, probs: Tensor, inside: Tensor, meta: dict, rescale: bool) -> InstanceData:
        """Mask voting among the RoIs of one image."""
        cfg, box_mode = self.test_cfg, self.box_mode
        large = (box_mode.sides(boxes) >= cfg.get('min_bbox_size', 2)).all(1)
        boxes, probs, inside = boxes[large], probs[large], inside[large]
        shape = tuple(meta['ori_shape'][:2] if rescale else meta['img_shape'][:2])
        if rescale:
            boxes = boxes / boxes.new_tensor(meta['scale_factor']).repeat(2)
        boxes = self.box_mode.clip(boxes, boxes.new_tensor([shape[1], shape[0]] * 2))
        threshold = cfg.get('mask_thr_binary', 0.4)
        voted = mask_voting(
            boxes,
            inside,
            probs[:, 1:],
            shape,
            box_mode=box_mode,
            nms_iou=cfg.get('nms_iou', 0.3),
            merge_iou=cfg.get('merge_iou', 0.5),
            binary_thr=threshold,
            max_per_image=cfg.get('max_per_img', 100),
            score_thr=cfg.get('score_thr', 1e-3),
            drop_flat=cfg.get('drop_flat', False))
        masks = paste_masks(voted.bboxes, voted.masks, shape, box_mode=box_mode, binary_thr=threshold)
        return InstanceData(
            bboxes=box_mode.to_half_open(voted.bboxes), scores=voted.scores, labels=voted.labels, masks=masks)
