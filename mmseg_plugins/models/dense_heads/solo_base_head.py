"""What SOLO's heads share: arguments, class branch, targets, class loss, and prediction from cells.

Paper: SOLO: Segmenting Objects by Locations, https://arxiv.org/abs/1912.04488.
Original (research licence): https://github.com/WXinlong/SOLO/tree/f4cd03b9404e3bd84ca0be45966fb61d20d2efe6 ,
mmdet/models/anchor_heads/; networks, arguments and parameter names are those of mmdet's heads, so that checkpoints of
both load.

Letters: B images, T = sum of S^2 cells of all levels (level by level, row by row), C classes, P positives, (h, w) the
common mask map at prediction.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet.models.dense_heads.base_mask_head import BaseMaskHead
from mmdet.registry import MODELS as MMDET_MODELS
from mmdet.structures.bbox import get_box_tensor
from mmengine.model import constant_init, normal_init
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmseg_plugins.models.layers.default_configs import GROUP_NORM, own_dict
from mmseg_plugins.models.postprocess.solo_masks import (
    CHUNK_BYTES,
    MaskSource,
    choose_cells,
    collect_masks,
    full_size_masks,
    point_nms,
)
from mmseg_plugins.models.task_modules.solo_targets import (
    CellTargets,
    assign_cells,
    last_owner,
    mask_centers,
    shrink_masks,
)
from mmseg_plugins.structures.boxes import BoxMode, box_mode_of

FOCAL: Mapping[str, Any] = MappingProxyType(
    dict(type='mmdet.FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0))


class ImageTargets(NamedTuple):
    """One image's positives.

    Attributes:
        levels: A :class:`CellTargets` a level.
        size: (H, W) of the padded image.
        masks: The masks of all objects (N, H / r, W / r), uint8, by the ratio r to the padded image's size.
    """

    levels: list[CellTargets]
    size: tuple[int, int]
    masks: dict[int, Tensor]


class SOLOBaseHead(BaseMaskHead):
    """Base of SOLO's heads: a subclass builds its layers, draws the masks of any cells, and gets the rest from here.

    Differences from mmdet's heads, for all of them:

    * ``forward`` gives logits in training and in eval mode alike; mmdet's first version turns them into probabilities
      in eval mode, so that a validation loss computed there is wrong;
    * targets come from :mod:`...task_modules.solo_targets`: no loop over objects or cells, no copy between devices;
    * losses are computed in float32, and without a single positive they still reach every parameter;
    * prediction needs bounded memory (:mod:`...postprocess.solo_masks`), gives tight boxes around the masks instead of
      zeros, and honors ``rescale=False``: masks in the frame of the resized image;
    * ``test_cfg.rle=True`` gives COCO RLEs (a list of dicts) instead of one bool tensor (K, H, W), for images so large
      that the tensor itself is too much (100 masks of 4000 x 5000 pixels: 2 GB);
    * a mask loss whose ``activate`` does not fit is an error; mmdet's decoupled heads silently apply two sigmoids.

    Args:
        num_classes: C.
        in_channels: Channels of the neck's maps.
        feat_channels: Channels of the towers.
        stacked_convs: Layers of each tower.
        strides: Of the maps that the head works on, see ``resize_ends``; masks are drawn at half of them.
        scale_ranges: For each level the least and greatest sqrt(box area) of its objects, in pixels.
        pos_scale: Size of the region around an object's center whose cells are positive, as a part of its box.
        num_grids: S of each level.
        cls_down_index: The class tower's layer before which the map becomes the grid.
        loss_mask: By default ``mmdet.DiceLoss`` of weight 3; its ``activate`` must fit the head.
        loss_cls: By default ``mmdet.FocalLoss``.
        norm_cfg: Norm of the towers; ``None`` for none.
        resize_ends: Whether the finest map is halved and the coarsest enlarged to its neighbor, as in the original; a
            pyramid of strides (4, 8, 16, 32, 64) then has ``strides=(8, 8, 16, 32, 32)``.  Without it ``strides`` are
            the pyramid's own: finer maps, for objects smaller than COCO's.
        min_mask_area: Objects of fewer mask pixels (of the padded image) are no positives.  ``None`` is the original's
            rule: 10 for SOLO and decoupled SOLO, 1 for SOLOv2.
        box_mode: How an object's sides are counted, for its level and its center region.  ``'inclusive'`` is the
            original's way: a pixel of the original image less than mmdet's ``'half_open'``, (w - 1) x (h - 1) times
            the scale of the resized image.  Example: 49 x 49 px enlarged twice measure 96 or 98 px.
        train_cfg: Unused; detectors hand it over.
        test_cfg: mmdet's of SOLO, and ``rle``.
        init_cfg: Replaces the original's: N(0, 0.01), and biases of the last layers for a probability of 0.01.

    Raises:
        ValueError: the lists of levels differ in length, ``min_mask_area`` is below 1, or ``loss_mask.activate`` does
            not fit the head.
    """

    default_min_mask_area: int = 10
    loss_applies_sigmoid: bool = True
    chunk_bytes: int = CHUNK_BYTES
    #: Layers whose biases begin at a probability of 0.01, in the order in which they are filled.
    output_layers: tuple[str, ...] = ('conv_cls', )
    cls_convs: nn.ModuleList
    conv_cls: nn.Conv2d

    def __init__(self,
                 *,
                 num_classes: int,
                 in_channels: int,
                 feat_channels: int = 256,
                 stacked_convs: int = 4,
                 strides: Sequence[int] = (4, 8, 16, 32, 64),
                 scale_ranges: Sequence[tuple[float, float]] = ((8, 32), (16, 64), (32, 128), (64, 256), (128, 512)),
                 pos_scale: float = 0.2,
                 num_grids: Sequence[int] = (40, 36, 24, 16, 12),
                 cls_down_index: int = 0,
                 loss_mask: dict | None = None,
                 loss_cls: Mapping[str, Any] = FOCAL,
                 norm_cfg: Mapping[str, Any] | None = GROUP_NORM,
                 resize_ends: bool = True,
                 min_mask_area: int | None = None,
                 box_mode: str = 'half_open',
                 train_cfg: dict | None = None,
                 test_cfg: dict | None = None,
                 init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg=small_normal_init(self.output_layers) if init_cfg is None else init_cfg)
        self.original_init = init_cfg is None
        self.num_classes = self.cls_out_channels = num_classes
        self.in_channels = in_channels
        self.feat_channels = feat_channels
        self.stacked_convs = stacked_convs
        self.strides = strides
        self.num_grids = num_grids
        self.scale_ranges = scale_ranges
        self.num_levels = len(strides)
        self.pos_scale = pos_scale
        self.cls_down_index = cls_down_index
        self.norm_cfg = own_dict(norm_cfg)
        self.resize_ends = resize_ends
        self.box_mode = box_mode_of(box_mode, type(self).__name__)
        self.min_mask_area = self.default_min_mask_area if min_mask_area is None else min_mask_area
        self.train_cfg = train_cfg
        self.test_cfg: Any = test_cfg
        self.loss_cls = MMDET_MODELS.build(dict(loss_cls))
        self.loss_mask = MMDET_MODELS.build(loss_mask or self.default_loss_mask())
        self.check_arguments()
        self.build_layers()

    def init_weights(self) -> None:
        """Fill as ``init_cfg`` says; the original's rule also holds for deformable convolutions."""
        super().init_weights()
        if self.original_init:
            init_deformable(self)

    @abstractmethod
    def build_layers(self) -> None:
        """Make ``cls_convs``, ``conv_cls`` and the layers that draw masks."""

    def default_loss_mask(self) -> dict:
        """The original's dice loss, with or without the sigmoid as the head needs it."""
        return dict(type='mmdet.DiceLoss', use_sigmoid=True, activate=self.loss_applies_sigmoid, loss_weight=3.0)

    def check_arguments(self) -> None:
        """Raise ``ValueError`` for arguments that do not fit each other, see the class."""
        lengths = {name: len(getattr(self, name)) for name in ('strides', 'num_grids', 'scale_ranges')}
        if len(set(lengths.values())) > 1:
            raise ValueError(f'{type(self).__name__}: strides, num_grids and scale_ranges have {lengths} entries, but '
                             'each has one for every level. Fix: give all three the same length')
        if self.min_mask_area < 1:
            raise ValueError(f'min_mask_area={self.min_mask_area} must be at least 1: a mask without a pixel has no '
                             'center')
        wanted = self.loss_applies_sigmoid
        if getattr(self.loss_mask, 'activate', wanted) is not wanted:
            reason = ('gives logits' if wanted else
                      'multiplies the probabilities of rows and columns itself, a second sigmoid would follow')
            raise ValueError(f'loss_mask.activate={not wanted} does not fit {type(self).__name__}, which {reason}. '
                             f'Fix: set loss_mask=dict(activate={wanted}, ...)')

    def tower_layer(self, index: int, coordinates: int = 0, conv_cfg: dict | None = None) -> ConvModule:
        """Layer ``index`` of a tower; the first one's input has so many coordinate channels besides the map's."""
        channels = self.feat_channels if index else self.in_channels + coordinates
        return ConvModule(channels, self.feat_channels, 3, padding=1, conv_cfg=conv_cfg, norm_cfg=self.norm_cfg)

    def output_layer(self, channels: int) -> nn.Conv2d:
        """A 3 x 3 convolution from the tower's channels."""
        return nn.Conv2d(self.feat_channels, channels, 3, padding=1)

    def resize_feats(self, x: Sequence[Tensor]) -> list[Tensor]:
        """Halve the finest map and enlarge the coarsest to its neighbor's size, unless ``resize_ends`` is off.

        Raises:
            ValueError: the neck gives another number of levels than the head has grids.
        """
        if len(x) != self.num_levels:
            raise ValueError(
                f'the neck gives {len(x)} maps, but {type(self).__name__} has {self.num_levels} levels (num_grids='
                f'{list(self.num_grids)}, strides={list(self.strides)}); set num_outs of the neck to '
                f'{self.num_levels}, or give num_grids, strides and scale_ranges one entry a map')
        if not self.resize_ends:
            return list(x)
        first = F.interpolate(x[0], scale_factor=0.5, mode='bilinear', align_corners=False)
        last = F.interpolate(x[-1], size=x[-2].shape[-2:], mode='bilinear', align_corners=False)
        return [first, *x[1:-1], last]

    @property
    def level_starts(self) -> list[int]:
        """Index of each level's first cell among all T cells, and T itself."""
        starts = [0]
        for grid in self.num_grids:
            starts.append(starts[-1] + grid**2)
        return starts

    def classify(self, level: int, feature: Tensor) -> Tensor:
        """Class logits (B, C, S, S) of one level; the map becomes the grid before layer ``cls_down_index``."""
        for index, layer in enumerate(self.cls_convs):
            if index == self.cls_down_index:
                feature = F.interpolate(feature, size=self.num_grids[level], mode='bilinear', align_corners=False)
            feature = layer(feature)
        return self.conv_cls(feature)

    def level_masks(self, target: ImageTargets, level: int) -> tuple[Tensor, Tensor]:
        """Distinct positive cells (P,) of a level and the masks (P, h, w) of the last objects that claim them."""
        _, cells, objects = target.levels[level]
        owner = last_owner(cells, objects, self.num_grids[level]**2)
        cells = (owner >= 0).nonzero().flatten()
        return cells, target.masks[self.strides[level] // 2][owner[cells]]

    def padded_masks(self, level: int, wanted: Tensor, found: Tensor, padded: Sequence[int]) -> Tensor:
        """Targets (P, h', w') of a level, padded with zeros at right and bottom to the size of its logits (P, h, w).

        Strides that do not divide the padded image (H, W) round the maps up, so that they reach beyond it.

        Raises:
            ValueError: the logits are not of twice ceil(H / stride), ceil(W / stride): of other strides.
        """
        stride = self.strides[level]
        (height, width), (rows, columns) = found.shape[-2:], wanted.shape[-2:]
        if (height, width) != tuple(2 * -(-side // stride) for side in padded):
            raise ValueError(
                f'level {level} draws masks of {height, width}, but targets at half the stride {stride} are '
                f'{rows, columns}: strides={list(self.strides)} must be those of the maps that the head works on '
                f'(resize_ends={self.resize_ends}). Fix: pad_size_divisor={max(self.strides)} where they are')
        if (height, width) == (rows, columns):
            return wanted
        return F.pad(wanted, (0, width - columns, 0, height - rows))

    def check_cover(self, map_size: tuple[int, int], stride: int, batch_img_metas: list[dict]) -> None:
        """Raise ``ValueError`` unless maps (h, w) of that stride cover the padded images, where known.

        They may reach beyond it by less than the step of the finest level, two pixels of the map.
        """
        covered = (map_size[0] * stride, map_size[1] * stride)
        for meta in batch_img_metas:
            padded = tuple(meta.get('batch_input_shape', covered))
            if not all(0 <= cover - side < 2 * stride for cover, side in zip(covered, padded, strict=True)):
                raise ValueError(
                    f'the padded image is {padded[0]} x {padded[1]}, but masks of {map_size[0]} x {map_size[1]} at '
                    f'stride {stride} cover {covered[0]} x {covered[1]}: strides={list(self.strides)} (SOLOv2: '
                    'input_stride of mask_feature_head) must be those of the maps, and pad_size_divisor a multiple of '
                    'the largest')

    def mask_ratios(self) -> list[int]:
        """How many times smaller than the padded image each level's masks are."""
        return [stride // 2 for stride in self.strides]

    def image_targets(self,
                      gt: InstanceData,
                      device: torch.device,
                      covered: tuple[int, int] | None = None,
                      scale: Sequence[float] = (1.0, 1.0)) -> ImageTargets:
        """Targets of one image, whose ``masks`` are already padded to the batch's size.

        Args:
            covered: (height, width) in pixels of the finest level's mask map, over which the grids lie; None where it
                is the size of the masks.
            scale: Width and height of a pixel of the original image, ``scale_factor`` of the image's meta data.
        """
        masks = torch.as_tensor(gt.masks.to_ndarray()).to(device)
        boxes, labels = get_box_tensor(gt.bboxes).to(device), gt.labels.to(device)
        if self.box_mode is BoxMode.INCLUSIVE:
            ends = torch.maximum(boxes[:, 2:] - boxes.new_tensor(scale), boxes[:, :2])
            boxes = torch.cat([boxes[:, :2], ends], 1)
        centers, areas = mask_centers(masks)
        levels = [
            assign_cells(
                centers,
                areas,
                boxes,
                labels,
                size=covered or masks.shape[1:],
                num_grid=grid,
                scale_range=scale_range,
                pos_scale=self.pos_scale,
                num_classes=self.num_classes,
                min_area=self.min_mask_area)
            for grid, scale_range in zip(self.num_grids, self.scale_ranges, strict=True)
        ]
        size = (masks.shape[1], masks.shape[2])
        return ImageTargets(levels, size, {ratio: shrink_masks(masks, ratio) for ratio in set(self.mask_ratios())})

    def class_loss(self, cls_logits: list[Tensor], targets: list[ImageTargets]) -> Tensor:
        """Focal loss over all cells of all images, divided by (distinct positive cells + 1)."""
        logits = flatten_cells(cls_logits).float().flatten(0, 1)  # (B * T, C)
        labels = torch.cat([level.labels for target in targets for level in target.levels])
        positives = (labels != self.num_classes).sum()
        return self.loss_cls(logits, labels, avg_factor=positives + 1)

    def mean_dice(self, logits: list[Tensor], masks: list[Tensor]) -> Tensor | None:
        """Mean of the dice losses of all mask targets; ``None`` without any.

        Args:
            logits: Tensors (P_i, h_i, w_i) of any sizes.
            masks: Targets of the same shapes.
        """
        losses = [
            self.loss_mask(found.float(), wanted, reduction_override='none')
            for found, wanted in zip(logits, masks, strict=True) if len(found)
        ]
        return torch.cat(losses).mean() if losses else None

    def predict_cells(self, cls_logits: list[Tensor], sources: list[MaskSource], map_size: tuple[int, int], stride: int,
                      batch_img_metas: list[dict], rescale: bool) -> list[InstanceData]:
        """Instances of every image.

        Args:
            cls_logits: (B, C, S, S) a level.
            sources: Soft masks of any cells, one source an image.
            map_size: (h, w) of the soft masks.
            stride: Of the soft masks, in pixels of the padded image.
            rescale: Whether masks and boxes are given in the frame of the original image or of the resized one.

        Raises:
            ValueError: the soft masks do not cover the padded image.
        """
        self.check_cover(map_size, stride, batch_img_metas)
        scores = flatten_cells([point_nms(level.float().sigmoid()) for level in cls_logits])
        strides = torch.cat([
            scores.new_full((grid**2, ), float(s)) for grid, s in zip(self.num_grids, self.strides, strict=True)
        ])
        results = []
        for index, meta in enumerate(batch_img_metas):
            chosen = choose_cells(scores[index], strides, sources[index], map_size, self.test_cfg, self.chunk_bytes)
            img_shape = tuple(meta['img_shape'][:2])
            out_shape = tuple(meta['ori_shape'][:2]) if rescale else img_shape
            pieces = full_size_masks(
                chosen.cells,
                sources[index],
                stride=stride,
                map_size=map_size,
                img_shape=img_shape,
                out_shape=out_shape,
                mask_thr=self.test_cfg.mask_thr,
                chunk_bytes=self.chunk_bytes)
            rle = self.test_cfg.get('rle', False)
            masks, boxes = collect_masks(pieces, len(chosen.cells), out_shape, scores.device, rle)
            results.append(InstanceData(scores=chosen.scores, labels=chosen.labels, masks=masks, bboxes=boxes))
        return results


def flatten_cells(levels: list[Tensor]) -> Tensor:
    """Maps (B, D, S, S) of all levels -> (B, T, D)."""
    return torch.cat([level.flatten(2) for level in levels], dim=2).transpose(1, 2)


def nothing_of(tensors: Sequence[Tensor]) -> Tensor:
    """A zero that all the tensors take part in: their gradient is zero instead of missing, whatever they hold."""
    return torch.stack([tensor.flatten()[:0].sum() for tensor in tensors]).sum()


def small_normal_init(output_layers: Sequence[str]) -> list[dict]:
    """``init_cfg``: every convolution N(0, 0.01); biases of ``output_layers`` for a probability of 0.01, others 0."""
    rules: list[dict] = [dict(type='Normal', layer='Conv2d', std=0.01)]
    return rules + [dict(type='Normal', std=0.01, bias_prob=0.01, override=dict(name=name)) for name in output_layers]


@torch.no_grad()
def init_deformable(module: nn.Module) -> None:
    """Deformable convolutions: weights N(0, 0.01), biases and offsets (and modulation) of zero.

    mmengine's rules for ``Conv2d`` leave their weights as mmcv draws them and fill their offsets at random.
    """
    for layer in module.modules():
        offset = getattr(layer, 'conv_offset', None)
        if isinstance(offset, nn.Module):
            normal_init(layer, std=0.01)
            constant_init(offset, 0)
