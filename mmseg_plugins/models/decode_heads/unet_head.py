"""U-Net's classifier, its cut labels and its weight map.

Paper: "U-Net: Convolutional Networks for Biomedical Image Segmentation", https://arxiv.org/abs/1505.04597.

Shapes: B images, C classes, H x W pixels of image and label, h x w scores, one a pixel.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import kaiming_init
from torch import Tensor, nn

from mmseg_plugins.models.layers.init import note_init
from mmseg_plugins.models.layers.label_grid import center_offset
from mmseg_plugins.registry import MODELS

from .own_classifier_head import OwnClassifierHead

WEIGHTS = 'gt_weight_map'  # name of the weights in a data sample


@MODELS.register_module()
class UNetHead(OwnClassifierHead):
    """A 1 x 1 classifier on a map of stride 1 whose size may differ from the image's.

    * A smaller map is that of unpadded convolutions: its scores are those of the middle of the image, and in training
      the label is cut to it.  Prediction needs a score for every pixel, so there the network belongs into
      ``mmseg_plugins.MirrorMargin``.
    * A larger map (``MirrorMargin`` fills images up to a size that fits) begins at the image's first pixel; what lies
      beyond the image is cut off.

    Data samples that carry ``gt_weight_map`` (see ``PackWeightedSegInputs``) hand it to the losses as the weight of
    each pixel; padding has weight 0.

    Args:
        in_channels: Of the map.
        num_classes: C.
        kwargs: Of ``OwnClassifierHead``.

    Shape:
        ``forward``: the maps -> scores (B, C, h, w).

    Raises:
        ValueError: in ``predict``, where scores do not reach all pixels; in ``loss``, where they lie half a pixel off.
    """

    def __init__(self, in_channels: int, *, num_classes: int, **kwargs: Any) -> None:
        super().__init__(in_channels, num_classes=num_classes, **kwargs)
        self.classify = nn.Conv2d(in_channels, self.out_channels, 1)

    def init_weights(self) -> None:
        """Normal weights, variance 2 / ``in_channels``, as in the paper; bias 0."""
        super().init_weights()
        if self.init_cfg:
            return
        kaiming_init(self.classify, mode='fan_in', nonlinearity='relu', bias=0)
        note_init(self, 'UNetHead: normal, variance 2 / fan_in, bias 0')

    def forward(self, inputs: Any) -> Tensor:
        """Scores (B, C, h, w) of the backbone's maps."""
        return self.classify(self._transform_inputs(inputs))

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: list) -> dict[str, Tensor]:
        """Losses where there are both scores and labels."""
        label = self._stack_batch_gt(batch_data_samples).squeeze(1)
        weight = stacked_weights(batch_data_samples, label)
        top, rows = center_offset(label.shape[1], seg_logits.shape[-2])
        left, columns = center_offset(label.shape[2], seg_logits.shape[-1])
        seg_logits = seg_logits[..., :rows, :columns]
        label = label[:, top:top + rows, left:left + columns]
        if weight is not None:
            weight = weight[:, top:top + rows, left:left + columns]
        return self.loss_on_grid(seg_logits, label, weight)

    def predict_by_feat(self, seg_logits: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Scores (B, C, H, W); nothing is resized."""
        height, width = image_size(batch_img_metas[0])
        if seg_logits.shape[-2] < height or seg_logits.shape[-1] < width:
            raise ValueError(
                f'UNetHead: scores of {seg_logits.shape[-2]} x {seg_logits.shape[-1]} for an image of {height} x '
                f'{width} px: unpadded convolutions give none at the border. Put mmseg_plugins.MirrorMargin around the '
                'backbone: its when="test" leaves training as it is')
        return seg_logits[..., :height, :width]


def image_size(meta: dict) -> tuple[int, int]:
    """H, W of what the network saw, as mmseg's heads find it: a slide's window, the padded image, or the image."""
    slide = isinstance(meta['img_shape'], torch.Size)
    height, width = (meta['img_shape'] if slide else meta.get('pad_shape') or meta['img_shape'])[:2]
    return int(height), int(width)


def stacked_weights(batch_data_samples: list, label: Tensor) -> Tensor | None:
    """The samples' weight maps (B, H, W), 0 in the padding, or None where no sample has one.

    Raises:
        ValueError: some samples have one and others do not, or one is larger than the label.
    """
    has = [WEIGHTS in sample for sample in batch_data_samples]
    if not any(has):
        return None
    if not all(has):
        raise ValueError(f'{len(has) - sum(has)} of {len(has)} data samples lack {WEIGHTS}; use '
                         'PackWeightedSegInputs after a step that makes it for all images, or for none')
    maps = [sample.get(WEIGHTS).data[0].to(label.device, torch.float32) for sample in batch_data_samples]
    height, width = label.shape[-2:]
    for weights in maps:
        if weights.shape[0] > height or weights.shape[1] > width:
            raise ValueError(f'{WEIGHTS} of {weights.shape[0]} x {weights.shape[1]} px, but a label of {height} x '
                             f'{width}; make the map after the last step that crops or resizes')
    return torch.stack([F.pad(m, (0, width - m.shape[1], 0, height - m.shape[0])) for m in maps])
