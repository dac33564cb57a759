"""InstanceFCN's head: instance-sensitive score maps, objectness of dense windows, mask proposals.

Paper: "Instance-sensitive Fully Convolutional Networks", https://arxiv.org/abs/1603.08678.  No code was published.

Beyond the paper: several maps (a feature pyramid), bilinear upsampling of the maps before the last layers, and a norm.
With the defaults it is the paper's head on one map.

Shapes: B images, C channels, maps of H_l x W_l cells of stride s_l px, k x k positions, windows of m x m cells; M
windows in all, one around every cell of every map, coarse maps last, row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models.dense_heads.base_mask_head import BaseMaskHead
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmseg_plugins.models.layers import conv_block, note_init
from mmseg_plugins.models.postprocess.window_masks import window_proposals
from mmseg_plugins.models.task_modules.instance_maps import cell_cover
from mmseg_plugins.ops.assemble import assemble, window_corners, windows_inside
from mmseg_plugins.registry import MODELS, TASK_UTILS
from mmseg_plugins.utils.deprecation import accept_former_names

RELU = dict(type='ReLU')


@MODELS.register_module()
@accept_former_names(upsample='upsample_factor')
class InstanceFCNHead(BaseMaskHead):
    """Mask and objectness of the window around every cell.

    .. code-block:: none

        x -- instance_conv 1x1 C + ReLU --(x upsample_factor)-- score_maps 3x3 -> k * k maps -- assemble --> masks
          \\- object_conv 3x3 C + ReLU --(x upsample_factor)-- objectness 1x1 -> 1 map ---------------------> scores

    Works as ``mask_head`` of stock ``SingleStageInstanceSegmentor``, or of ``mmseg_plugins.InstanceFCN``, which adds
    the image pyramid of the paper's test.

    Args:
        in_channels: Channels of every map.
        strides: Pixels a cell of each map, finest first.  The paper has one map of stride 8.
        feat_channels: C.
        positions: k.
        window_size: m; m * stride px is the window, the object that fits it best measures 4/7 of that.
        upsample_factor: Factor by which the maps are upsampled before the last layers; divides the strides.
        norm_cfg: Norm of the two hidden convolutions.
        loss: ``mmseg_plugins.InstanceFCNLoss``.
        train_cfg: ``assigner`` and ``sampler`` of windows, the latter with ``add_gt_as_proposals=False``.
        test_cfg: ``nms_pre`` (default 1000) windows with the highest objectness an image and scale are assembled at
            all; ``mask_thr``, ``iou_thr`` and ``max_per_img`` as in ``window_proposals``; ``score_thr`` (default 0) of
            the objectness.
        init_cfg: Replaces the default fill, N(0, 0.01) and biases 0.

    Raises:
        ValueError: ``upsample_factor`` does not divide the strides, a window has fewer cells than positions, or the
            sampler adds the objects to the windows.
    """

    def __init__(self,
                 *,
                 in_channels: int,
                 strides: Sequence[int] = (8, ),
                 feat_channels: int = 512,
                 positions: int = 5,
                 window_size: int = 21,
                 upsample_factor: int = 1,
                 norm_cfg: dict | None = None,
                 loss: dict | None = None,
                 train_cfg: dict | None = None,
                 test_cfg: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if any(stride % upsample_factor for stride in strides):
            raise ValueError(f'InstanceFCNHead: upsample_factor={upsample_factor} does not divide '
                             f'strides={tuple(strides)}')
        if window_size < positions:
            raise ValueError(f'InstanceFCNHead: window_size={window_size} cells cannot be cut into positions='
                             f'{positions} parts a side; raise window_size')
        self.in_channels = in_channels
        self.strides = [stride // upsample_factor for stride in strides]
        self.upsample_factor = upsample_factor
        self.window_size = window_size
        hidden: dict[str, Any] = dict(norm_cfg=norm_cfg, act_cfg=RELU, where='InstanceFCNHead feat_channels')
        self.instance_conv = conv_block(in_channels, feat_channels, 1, **hidden)
        self.score_maps = nn.Conv2d(feat_channels, positions**2, 3, padding=1)
        self.object_conv = conv_block(in_channels, feat_channels, 3, **hidden)
        self.objectness = nn.Conv2d(feat_channels, 1, 1)
        self.loss_window = MODELS.build(loss or dict(type='mmseg_plugins.InstanceFCNLoss'))
        self.train_cfg, self.test_cfg = train_cfg, test_cfg or {}
        if train_cfg:
            self.assigner = TASK_UTILS.build(train_cfg['assigner'])
            self.sampler = TASK_UTILS.build(train_cfg['sampler'], default_args=dict(context=self))
            if getattr(self.sampler, 'add_gt_as_proposals', False):
                raise ValueError(
                    f'InstanceFCNHead: the sampler ({type(self.sampler).__name__}) puts the objects in front of the '
                    'windows, so that what it samples are not the windows of those numbers, and objects are not '
                    'windows; set train_cfg.sampler.add_gt_as_proposals=False')

    def init_weights(self) -> None:
        """All convolutions N(0, 0.01), biases 0, unless ``init_cfg`` says otherwise."""
        super().init_weights()
        if self.init_cfg:
            return
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        note_init(self, 'InstanceFCNHead: normal, std 0.01, bias 0')

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Score map logits [(B, k * k, H_l, W_l)] and objectness logits [(B, 1, H_l, W_l)]."""
        got = [level.size(1) for level in x] if not isinstance(x, Tensor) else [f'one tensor {tuple(x.shape)}']
        if got != [self.in_channels] * len(self.strides):
            raise ValueError(
                f'InstanceFCNHead: strides and in_channels={self.in_channels} ask for {len(self.strides)} maps of '
                f'{self.in_channels} channels, but backbone and neck give {len(got)} maps of {got}; name as many '
                'strides as there are maps, or let out_indices of the backbone choose the maps')
        scores, objectness = [], []
        for level in x:
            scores.append(self.score_maps(self._finer(self.instance_conv(level))))
            objectness.append(self.objectness(self._finer(self.object_conv(level))))
        return scores, objectness

    def _finer(self, x: Tensor) -> Tensor:
        if self.upsample_factor == 1:
            return x
        return F.interpolate(x, scale_factor=self.upsample_factor, mode='bilinear', align_corners=False)

    def windows(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """All windows of one image: (M, 3) level, top row, left column, and (M, 4) x1 y1 x2 y2 in input pixels."""
        places, boxes = [], []
        for index, (level, stride) in enumerate(zip(maps, self.strides, strict=True)):
            height, width = level.shape[-2:]
            corners = window_corners((height, width), self.window_size, level.device)
            places.append(torch.cat([torch.full_like(corners[:, :1], index), corners], dim=1))
            start = corners.flip(1) * stride
            boxes.append(torch.cat([start, start + self.window_size * stride], dim=1).float())
        return torch.cat(places), torch.cat(boxes)

    def loss_by_feat(self,
                     scores: list[Tensor],
                     objectness: list[Tensor],
                     batch_gt_instances: list[InstanceData],
                     batch_img_metas: list[dict],
                     batch_gt_instances_ignore: list[InstanceData | None] | None = None,
                     **kwargs: Any) -> dict[str, Tensor]:
        """Sample windows of each image and compare them with the objects' masks (G, H, W) in input pixels."""
        places, boxes = self.windows(scores)
        flat = torch.cat([level.flatten(1) for level in objectness], dim=1)  # [(B, 1, H_l, W_l)] -> (B, M)
        ignored = batch_gt_instances_ignore or [None] * len(batch_gt_instances)
        logits, labels, positives = [], [], []
        for image, (truth, ignore, meta) in enumerate(zip(batch_gt_instances, ignored, batch_img_metas, strict=True)):
            usable = torch.nonzero(_centerd_in(boxes, meta['img_shape']))[:, 0]
            priors = InstanceData(priors=boxes[usable])
            sampled = self.sampler.sample(self.assigner.assign(priors, truth, ignore), priors, truth)
            chosen = usable[torch.cat([sampled.pos_inds, sampled.neg_inds])]
            logits.append(flat[image, chosen])
            labels.append(torch.arange(len(chosen), device=flat.device) < len(sampled.pos_inds))
            positives.append(
                self._masks_of(scores, image, places[usable[sampled.pos_inds]], sampled.pos_assigned_gt_inds, truth))
        masks, targets, inside = (torch.cat(parts) for parts in zip(*positives, strict=True))
        losses = self.loss_window(torch.cat(logits), torch.cat(labels), masks, targets, inside)
        # Whatever was sampled, every map takes part: no parameter is without a gradient.
        losses['loss_mask'] = losses['loss_mask'] + 0 * sum(level.float().sum() for level in scores)
        return losses

    def _masks_of(self, scores: list[Tensor], image: int, places: Tensor, objects: Tensor,
                  truth: InstanceData) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, targets and inside (P, m, m) of one image's positive windows, level by level."""
        size = self.window_size
        masks = [scores[0].new_zeros(0, size, size)]
        targets, inside = [masks[0]], [masks[0].bool()]
        if len(places) == 0:
            return masks[0], targets[0], inside[0]
        used, column = objects.unique(return_inverse=True)
        pixels = truth.masks[used.cpu().numpy()].to_tensor(torch.bool, places.device)  # (g, H, W)
        for level in places[:, 0].unique().tolist():
            at, stride = places[:, 0] == level, self.strides[level]
            windows = torch.cat([torch.full_like(places[at, :1], image), places[at, 1:]], dim=1)
            masks.append(assemble(scores[level], windows, size))
            inside.append(windows_inside(windows, size, scores[level].shape[-2:]))
            cover = cell_cover(pixels, stride)[:, None]
            crops = torch.cat([column[at, None], places[at, 1:]], dim=1)  # a crop is assembling with one position
            targets.append((assemble(cover, crops, size) >= 0.5).to(masks[0].dtype))
        return torch.cat(masks), torch.cat(targets), torch.cat(inside)

    def candidates(self, scores: list[Tensor], objectness: list[Tensor], image: int, img_shape: Sequence[int],
                   scale: tuple[float, float]) -> InstanceData:
        """The windows of one image with the highest objectness.

        Args:
            img_shape: Height and width in input pixels without padding; windows centered outside are not used.
            scale: Input pixels a pixel of the wanted frame, along x and y.

        Returns:
            ``probs`` (n, m, m), ``windows`` (n, 4) in the wanted frame, ``scores`` (n,).
        """
        places, boxes = self.windows(scores)
        flat = torch.cat([level[image].flatten() for level in objectness]).float().sigmoid()
        usable = _centerd_in(boxes, img_shape) & (flat > self.test_cfg.get('score_thr', 0.0))
        order = flat.masked_fill(~usable, -1).topk(min(self.test_cfg.get('nms_pre', 1000), len(flat)))[1]
        order = order[usable[order]]
        probs = flat.new_zeros(len(order), self.window_size, self.window_size)
        for level in range(len(scores)):
            at = torch.nonzero(places[order, 0] == level)[:, 0]
            windows = places[order[at]]
            windows = torch.cat([torch.zeros_like(windows[:, :1]), windows[:, 1:]], dim=1)
            probs[at] = assemble(scores[level][image:image + 1].float(), windows, self.window_size, -1e4).sigmoid()
        return InstanceData(probs=probs, windows=boxes[order] / boxes.new_tensor([*scale, *scale]), scores=flat[order])

    def proposals(self, candidates: InstanceData, image_size: tuple[int, int]) -> InstanceData:
        """Masks, tight boxes and scores of ``image_size`` = H, W from ``candidates`` of one or several scales."""
        settings = {key: self.test_cfg[key] for key in ('mask_thr', 'iou_thr', 'max_per_img') if key in self.test_cfg}
        return window_proposals(candidates.probs, candidates.windows, candidates.scores, image_size, **settings)

    def predict_by_feat(self,
                        scores: list[Tensor],
                        objectness: list[Tensor],
                        batch_img_metas: list[dict],
                        rescale: bool = True,
                        **kwargs: Any) -> list[InstanceData]:
        """Proposals of each image, in the pixels of the original image when ``rescale``, else of the input."""
        results = []
        for image, meta in enumerate(batch_img_metas):
            scale = tuple(meta['scale_factor'])[:2] if rescale else (1.0, 1.0)
            found = self.candidates(scores, objectness, image, meta['img_shape'], scale)
            results.append(self.proposals(found, output_size(meta, rescale)))
        return results


def output_size(meta: dict, rescale: bool) -> tuple[int, int]:
    """Height and width of the frame that results are given in."""
    height, width = (meta['ori_shape'] if rescale else meta['img_shape'])[:2]
    return int(height), int(width)


def _centerd_in(boxes: Tensor, img_shape: Sequence[int]) -> Tensor:
    """Windows (M,) whose centre lies in the image and not in its padding."""
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    return (center[:, 0] < img_shape[1]) & (center[:, 1] < img_shape[0])
