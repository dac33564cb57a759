"""PSENet's head: the whole objects and their shrunk kernels, grown back into instances.

Paper: "Shape Robust Text Detection with Progressive Scale Expansion Network", https://arxiv.org/abs/1903.12473.
Original code (Apache 2.0):
https://github.com/whai362/PSENet/blob/5a42734dc56df42b7192494933ea8fcb3f486494/models/head/psenet_head.py

Differs from the original: any maps are read (they are resized and concatenated here), the norm is free, targets come
from masks (see ``task_modules/kernel_targets.py``), and results are masks instead of polygons.  One class.

Shapes: B images, C channels, K kernels (0 = whole objects, K - 1 = the smallest), maps of h x w cells of s px, inputs
of H x W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmdet.models.dense_heads.base_mask_head import BaseMaskHead
from mmengine.model import kaiming_init
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmseg_plugins.models.layers import check_norm_channels, concat_levels, note_init
from mmseg_plugins.models.layers.default_configs import BATCH_NORM, own_dict
from mmseg_plugins.models.postprocess.expansion import progressive_expansion
from mmseg_plugins.models.postprocess.label_maps import instances_of_label_map, keep_best
from mmseg_plugins.models.task_modules.instance_maps import unknown_region
from mmseg_plugins.models.task_modules.kernel_targets import kernel_targets
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class PSENetHead(BaseMaskHead):
    """Kernel logits from all maps of the neck; targets and losses in input pixels.

    .. code-block:: none

        maps -concatenate-> conv 3x3 C + norm + ReLU -> kernels 1x1 -> K logits -(x stride)-> input pixels

    Works as ``mask_head`` of stock ``SingleStageInstanceSegmentor``.  All instances have label 0.

    Args:
        in_channels: Channels of each map, finest first; all are resized to the first.
        stride: Pixels a cell of the first map.
        num_kernels: K.
        feat_channels: C.
        smallest: Shrink rate of the smallest kernel (the paper's m): .4 for ICDAR 2015, .7 for CTW1500.
        max_shrink: Largest inward offset in px.
        norm_cfg: Norm of the convolution, which keeps its bias.
        loss: ``mmseg_plugins.PSENetLoss``.
        test_cfg: ``min_area`` in input pixels, ``min_score`` (mean probability of channel 0; an instance needs both),
            ``min_kernel_area`` (default ``min_area``, as in the original), ``max_per_img``.
    """

    def __init__(self,
                 *,
                 in_channels: Sequence[int],
                 stride: int = 4,
                 num_kernels: int = 7,
                 feat_channels: int = 256,
                 smallest: float = 0.7,
                 max_shrink: int = 20,
                 norm_cfg: Mapping[str, Any] | None = BATCH_NORM,
                 loss: dict | None = None,
                 train_cfg: dict | None = None,
                 test_cfg: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if num_kernels < 2:
            raise ValueError(f'PSENetHead: num_kernels={num_kernels}: the whole objects and at least one kernel, >= 2')
        if not 0 < smallest < 1:
            raise ValueError(f'PSENetHead: smallest={smallest} must lie between 0 and 1 (no kernel, the whole object)')
        self.in_channels = list(in_channels)
        self.stride = stride
        self.num_kernels = num_kernels
        self.smallest, self.max_shrink = smallest, max_shrink
        norm = own_dict(norm_cfg)
        check_norm_channels(norm, feat_channels, 'PSENetHead feat_channels')
        self.conv = nn.Conv2d(sum(in_channels), feat_channels, 3, padding=1)  # with a bias, as in the original
        self.norm = build_norm_layer(norm, feat_channels)[1] if norm else nn.Identity()
        self.kernels = nn.Conv2d(feat_channels, num_kernels, 1)
        self.loss_kernels = MODELS.build(loss or dict(type='mmseg_plugins.PSENetLoss'))
        self.train_cfg, self.test_cfg = train_cfg, test_cfg or {}

    def init_weights(self) -> None:
        """Convolutions N(0, 2 / fan_out), as in the original."""
        super().init_weights()
        if self.init_cfg:
            return
        for layer in (self.conv, self.kernels):
            kaiming_init(layer, mode='fan_out', nonlinearity='relu', bias=0)
        note_init(self, 'PSENetHead: normal, variance 2 / fan_out, bias 0')

    def forward(self, x: Sequence[Tensor]) -> tuple[Tensor]:
        """Kernel logits (B, K, h, w)."""
        x = self.norm(self.conv(concat_levels(x, self.in_channels, 'PSENetHead'))).relu()
        return (self.kernels(x), )

    def to_pixels(self, logits: Tensor) -> Tensor:
        """(B, K, h, w) -> (B, K, H, W), bilinear with half-pixel centres."""
        return F.interpolate(logits.float(), scale_factor=self.stride, mode='bilinear', align_corners=False)

    def loss_by_feat(self,
                     logits: Tensor,
                     batch_gt_instances: list[InstanceData],
                     batch_img_metas: list[dict],
                     batch_gt_instances_ignore: list[InstanceData | None] | None = None,
                     **kwargs: Any) -> dict[str, Tensor]:
        """Dice losses; padding and objects to be ignored do not count."""
        logits = self.to_pixels(logits)
        size = logits.shape[-2:]
        objects, kernels, valid = [], [], []
        ignored = batch_gt_instances_ignore or [None] * len(batch_gt_instances)
        for truth, ignore, meta in zip(batch_gt_instances, ignored, batch_img_metas, strict=True):
            masks = truth.masks.pad(tuple(size)).to_ndarray()
            whole, shrunk = kernel_targets(masks, self.num_kernels, self.smallest, self.max_shrink)
            objects.append(torch.from_numpy(whole))
            kernels.append(torch.from_numpy(shrunk))
            valid.append(~unknown_region(ignore, meta['img_shape'], size, logits.device))
        maps = (torch.stack(objects).to(logits.device), torch.stack(kernels).to(logits.device), torch.stack(valid))
        return self.loss_kernels(logits, *maps)

    def predict_by_feat(self,
                        logits: Tensor,
                        batch_img_metas: list[dict],
                        rescale: bool = True,
                        **kwargs: Any) -> list[InstanceData]:
        """Instances of each image, in the pixels of the original image when ``rescale``, else of the input."""
        results = []
        for image, meta in enumerate(batch_img_metas):
            height, width = meta['img_shape'][:2]
            pixels = self.to_pixels(logits[image:image + 1])[0, :, :height, :width]
            label_map, scores = kernel_instances(pixels, **self._limits())
            labels = torch.zeros(len(scores), dtype=torch.long, device=scores.device)
            found = keep_best(label_map, scores, labels, self.test_cfg.get('max_per_img', 100))
            frame = (meta['ori_shape'] if rescale else meta['img_shape'])[:2]
            results.append(instances_of_label_map(*found, 1, (height, width), tuple(frame)))
        return results

    def _limits(self) -> dict[str, float]:
        keys = ('min_area', 'min_score', 'min_kernel_area')
        return {key: self.test_cfg[key] for key in keys if key in self.test_cfg}


def kernel_instances(logits: Tensor,
                     min_area: float = 16,
                     min_score: float = 0.85,
                     min_kernel_area: float | None = None) -> tuple[Tensor, Tensor]:
    """Instances of one image's kernel logits (K, H, W).

    A kernel is where its logit and that of channel 0 are above 0; the smallest are grown by ``progressive_expansion``.

    Returns:
        Label map (H, W) long with 1 .. n, and scores (n,), the mean probability of channel 0 over the instance.
        Instances with less than ``min_area`` pixels or a score below ``min_score`` are left out.
    """
    inside = logits > 0
    kernels = (inside & inside[:1]).cpu().numpy()
    grown = progressive_expansion(kernels, min_area if min_kernel_area is None else min_kernel_area)
    labels = torch.from_numpy(grown.astype(np.int64)).to(logits.device)
    flat = labels.flatten()
    sizes = torch.bincount(flat)
    sums = torch.zeros(len(sizes), dtype=torch.float64, device=logits.device)
    scores = sums.index_add(0, flat, logits[0].double().sigmoid().flatten()) / sizes.clamp(min=1)
    kept = (sizes >= max(min_area, 1)) & (scores >= min_score)
    kept[0] = False
    number = torch.cumsum(kept, dim=0) * kept
    return number[labels], scores[kept].to(logits.dtype)
