"""Instances by pixel embeddings: a class and a point in a small space for every cell, clusters as instances.

Paper: "Semantic Instance Segmentation with a Discriminative Loss Function", https://arxiv.org/abs/1708.02551.

The paper takes the classes from a network of its own; here both predictions are made by one head.

Shapes: B images, C channels, K classes, D embedding channels, maps of h x w cells of s px.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models.dense_heads.base_mask_head import BaseMaskHead
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmseg_plugins.models.layers import concat_levels, conv_block
from mmseg_plugins.models.postprocess.embedding_clusters import cluster_embeddings
from mmseg_plugins.models.postprocess.label_maps import instances_of_label_map, keep_best
from mmseg_plugins.models.task_modules.instance_maps import IGNORED, instance_maps, unknown_region
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.deprecation import accept_former_names


@MODELS.register_module()
@accept_former_names(upsample='upsample_factor')
class EmbeddingHead(BaseMaskHead):
    """Semantic logits and embeddings from all maps of the neck.

    .. code-block:: none

        maps -concatenate-> convs --(x upsample_factor)--> classes (K + 1, 0 = background)
                                                \\-> embedding (D)

    Works as ``mask_head`` of stock ``SingleStageInstanceSegmentor``.

    Args:
        in_channels: Channels of each map, finest first; all are resized to the first.
        stride: Pixels a cell of the first map.
        num_classes: K.
        class_agnostic: Tell objects from background only, whatever ``num_classes`` is.
        per_class: Compare and cluster the instances of each class by themselves, as in the paper.  Else all instances
            of an image are compared, the whole foreground (background below one half) is clustered, and a cluster's
            class is the one with the highest mean probability: a cell that is undecided between the classes is not
            lost, and one of a wrong class does not tear an instance apart.
        coordinate_unit: Add the place of each cell, in units of so many px, to the first two embedding channels
            ("semi-convolutional", https://arxiv.org/abs/1807.10712): equal objects at different places get
            different embeddings, which convolutions alone cannot do.  None, as in the paper, adds nothing.
        feat_channels: C.
        num_convs: 3x3 convolutions, at least 1.
        embedding_channels: D; the paper has 8.
        upsample_factor: Factor by which the last features are upsampled; divides ``stride``.
        norm_cfg: Norm of the convolutions.
        loss_semantic: Cross entropy over K + 1 logits; cells that say nothing have the ``ignore_index`` -100.
        loss_embedding: ``mmseg_plugins.DiscriminativeLoss``.
        test_cfg: ``bandwidth``, ``max_clusters``, ``max_steps``, ``min_pixels``, ``max_tries`` of
            ``cluster_embeddings``, and ``max_per_img``.  An instance's score is the mean probability of its class over
            its cells.
    """

    def __init__(self,
                 *,
                 in_channels: Sequence[int],
                 stride: int = 4,
                 num_classes: int = 1,
                 class_agnostic: bool = False,
                 per_class: bool = True,
                 coordinate_unit: float | None = None,
                 feat_channels: int = 256,
                 num_convs: int = 4,
                 embedding_channels: int = 8,
                 upsample_factor: int = 1,
                 norm_cfg: dict | None = None,
                 loss_semantic: dict | None = None,
                 loss_embedding: dict | None = None,
                 train_cfg: dict | None = None,
                 test_cfg: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if stride % upsample_factor:
            raise ValueError(f'EmbeddingHead: upsample_factor={upsample_factor} does not divide stride={stride}')
        if num_convs < 1:
            raise ValueError(f'EmbeddingHead: num_convs={num_convs} must be at least 1')
        if coordinate_unit is not None and (coordinate_unit <= 0 or embedding_channels < 2):
            raise ValueError(f'EmbeddingHead: coordinate_unit={coordinate_unit} px must be positive and needs two of '
                             f'the embedding_channels={embedding_channels}')
        self.in_channels = list(in_channels)
        self.stride = stride // upsample_factor
        self.upsample_factor = upsample_factor
        self.class_agnostic = class_agnostic
        self.per_class = per_class
        self.coordinate_unit = coordinate_unit
        self.num_classes = 1 if class_agnostic else num_classes
        widths = [sum(in_channels), *[feat_channels] * num_convs]
        hidden: dict[str, Any] = dict(
            norm_cfg=norm_cfg, act_cfg=dict(type='ReLU'), where='EmbeddingHead feat_channels')
        self.convs = nn.Sequential(*(conv_block(a, b, 3, **hidden) for a, b in pairwise(widths)))
        self.classes = nn.Conv2d(feat_channels, self.num_classes + 1, 1)
        self.embedding = nn.Conv2d(feat_channels, embedding_channels, 1)
        self.loss_semantic = MODELS.build(loss_semantic or dict(type='mmdet.CrossEntropyLoss', avg_non_ignore=True))
        self.loss_embedding = MODELS.build(loss_embedding or dict(type='mmseg_plugins.DiscriminativeLoss'))
        self.train_cfg, self.test_cfg = train_cfg, test_cfg or {}

    def forward(self, x: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Class logits (B, K + 1, h, w) and embeddings (B, D, h, w)."""
        features = self.convs(concat_levels(x, self.in_channels, 'EmbeddingHead'))
        if self.upsample_factor > 1:
            features = F.interpolate(features, scale_factor=self.upsample_factor, mode='bilinear', align_corners=False)
        return self.classes(features), self._placed(self.embedding(features))

    def _placed(self, embedding: Tensor) -> Tensor:
        """Add x and y of the cells' centers to channels 0 and 1 of (B, D, h, w); float32, since half cannot tell
        neighboring cells of a large image apart."""
        if self.coordinate_unit is None:
            return embedding
        height, width = embedding.shape[-2:]
        step = self.stride / self.coordinate_unit
        x = (torch.arange(width, device=embedding.device, dtype=torch.float32) + 0.5) * step
        y = (torch.arange(height, device=embedding.device, dtype=torch.float32) + 0.5) * step
        place = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])  # (2, h, w)
        return embedding.float() + F.pad(place, (0, 0, 0, 0, 0, embedding.size(1) - 2))

    def loss_by_feat(self,
                     classes: Tensor,
                     embedding: Tensor,
                     batch_gt_instances: list[InstanceData],
                     batch_img_metas: list[dict],
                     batch_gt_instances_ignore: list[InstanceData | None] | None = None,
                     **kwargs: Any) -> dict[str, Tensor]:
        """Cross entropy of the classes and discriminative loss of the embeddings."""
        size = embedding.shape[-2:]
        pixels = size[0] * self.stride, size[1] * self.stride
        maps = []
        ignored = batch_gt_instances_ignore or [None] * len(batch_gt_instances)
        for truth, ignore, meta in zip(batch_gt_instances, ignored, batch_img_metas, strict=True):
            truth.masks = truth.masks.pad(pixels)
            unknown = unknown_region(ignore, meta['img_shape'], pixels, embedding.device)
            maps.append(instance_maps(truth, unknown, self.stride, self.class_agnostic))
        ids, labels = (torch.stack(parts) for parts in zip(*maps, strict=True))  # (B, h, w)
        losses = dict(loss_semantic=self.loss_semantic(classes.float(), labels, ignore_index=IGNORED))
        losses.update(self.loss_embedding(embedding, ids, labels if self.per_class else None))
        return losses

    def predict_by_feat(self,
                        classes: Tensor,
                        embedding: Tensor,
                        batch_img_metas: list[dict],
                        rescale: bool = True,
                        **kwargs: Any) -> list[InstanceData]:
        """Instances of each image, in the pixels of the original image when ``rescale``, else of the input."""
        results = []
        for logits, points, meta in zip(classes, embedding, batch_img_metas, strict=True):
            height, width = (-(-side // self.stride) for side in meta['img_shape'][:2])
            found = self._instances(logits[:, :height, :width], points[:, :height, :width])
            frame = (meta['ori_shape'] if rescale else meta['img_shape'])[:2]
            results.append(instances_of_label_map(*found, self.stride, meta['img_shape'], tuple(frame)))
        return results

    def _instances(self, logits: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Label map (h, w), scores (n,) and classes (n,) from 0 of one image, the best ``max_per_img`` instances."""
        names = ('bandwidth', 'max_clusters', 'max_steps', 'min_pixels', 'max_tries')
        settings = {name: self.test_cfg[name] for name in names if name in self.test_cfg}
        probs = logits.float().softmax(dim=0)  # (K + 1, h, w)
        label_map = torch.zeros(probs.shape[1:], dtype=torch.long, device=probs.device)
        scores, labels = [probs.new_zeros(0)], [label_map.new_zeros(0)]
        for region, channels in self._regions(probs):
            inside = probs[channels][:, region]  # (C, N)
            clusters = cluster_embeddings(points[:, region].T, inside.sum(dim=0), **settings)
            count = int(clusters.max())
            sums = inside.new_zeros(len(channels), count + 1).index_add(1, clusters, inside)
            means = sums[:, 1:] / torch.bincount(clusters, minlength=count + 1)[1:]  # (C, n)
            score, vote = means.max(dim=0)
            label_map[region] = (clusters + sum(len(s) for s in scores)) * (clusters > 0)
            scores.append(score)
            labels.append(torch.tensor(channels, device=vote.device)[vote] - 1)
        return keep_best(label_map, torch.cat(scores), torch.cat(labels), self.test_cfg.get('max_per_img', 100))

    def _regions(self, probs: Tensor) -> list[tuple[Tensor, list[int]]]:
        """What is clustered at a time: cells (h, w) and the class channels that may name the clusters."""
        if self.per_class:
            winner = probs.argmax(dim=0)
            return [(winner == label, [label]) for label in winner.unique().tolist() if label > 0]
        # Not the winner: a cell that is surely an object, but undecided between the classes, is foreground.
        foreground = probs[0] < 0.5
        return [(foreground, list(range(1, self.num_classes + 1)))] if foreground.any() else []
