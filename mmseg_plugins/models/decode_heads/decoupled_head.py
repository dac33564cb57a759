"""DecoupledNet's decoder: foreground or background, of whatever classes the bridge points at.

Paper: "Decoupled Deep Neural Network for Semi-supervised Semantic Segmentation", https://arxiv.org/abs/1506.04924,
section 3.2.  Original, read for its facts:
https://github.com/HyeonwooNoh/DecoupledNet/blob/ebd21306acb9b7248d3b735519abfa331d27ff7a/training/004_train_seg_10_anno/004_train_seg_10_anno.prototxt

Shapes: B passes, images of H x W, C channels and h x w cells of the coarsest map (pool n), C_i channels of the i-th
pooled map, i = 1 (finest) .. n.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import ConvModule, build_norm_layer
from torch import Tensor, nn

from mmseg_plugins.models.layers.unpool_decoder import UnpoolDecoder
from mmseg_plugins.registry import MODELS

from .own_classifier_head import OwnClassifierHead


@MODELS.register_module()
class DecoupledNetHead(OwnClassifierHead):
    """DeconvNet's decoder on the coarsest map and the bridge, each normalized, with two outputs.

    .. code-block:: none

        pool n -> norm_map    -+
                               +-> fc6 (k x k) -> fc7 -> deconv6 (k x k) -> decoder: unpool n .. unpool 1 -> classifier
        bridge -> norm_bridge -+

    Args:
        in_channels: Of pool n, the bridge, the indices 1 .. n and the image.
        in_index: The same among what ``DecoupledNet`` gives: the backbone's maps and indices, the bridge, the image;
            for five pools ``(4, 10, 5, 6, 7, 8, 9, 11)``.
        fc_channels: Of fc6 and fc7.
        fc_kernel: k.
        widths: Of the transposed convolutions of each block, coarsest first.
        init_cfg: Default the paper's: N(0, .01) weights, zero biases, norms of scale 1 and shift .001.
        kwargs: Of mmseg's ``BaseDecodeHead``; ``num_classes`` is 2.

    Shape:
        ``forward``: what ``DecoupledNet`` gives -> (B, 2, H, W): background, foreground.

    Raises:
        ValueError: another number of classes; a setting of ``input_transform`` other than ``'multiple_select'``;
            widths that do not fit the indices; in ``forward``, a map smaller than k x k.
    """

    several_maps = True

    def __init__(self,
                 in_channels: Sequence[int] = (512, 512, 64, 128, 256, 512, 512, 3),
                 *,
                 num_classes: int = 2,
                 in_index: Sequence[int] = (4, 10, 5, 6, 7, 8, 9, 11),
                 fc_channels: int = 2048,
                 fc_kernel: int = 7,
                 widths: Sequence[Sequence[int]] = ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64),
                                                    (64, 64)),
                 norm_cfg: dict | None = None,
                 init_cfg: dict | list | None = None,
                 **kwargs: Any) -> None:
        if num_classes != 2:
            raise ValueError(f'DecoupledNetHead: num_classes={num_classes}: it tells foreground from background, 2 '
                             'classes; those of the data are set in model.classifier')
        super().__init__(
            in_channels, num_classes=2, in_index=in_index, norm_cfg=norm_cfg or dict(type='BN'),
            init_cfg=init_cfg or [
                dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.01),
                dict(type='Constant', layer='_BatchNorm', val=1.0, bias=0.001)], **kwargs)
        top, bridge, *index_channels, _ = in_channels
        self.fc_kernel = fc_kernel
        self.norm_map = build_norm_layer(self.norm_cfg, top)[1]
        self.norm_bridge = build_norm_layer(self.norm_cfg, bridge)[1]
        self.fc6 = self._layer(top + bridge, fc_channels, fc_kernel)
        self.fc7 = self._layer(fc_channels, fc_channels, 1)
        self.deconv6 = self._layer(fc_channels, index_channels[-1], fc_kernel, deconv=True)
        self.decoder = UnpoolDecoder(
            index_channels[-1], index_channels, widths,
            lambda inputs, outputs: self._layer(inputs, outputs, 3, padding=1, deconv=True))
        self.classifier = nn.Conv2d(widths[-1][-1], 2, 1)

    def _layer(self, inputs: int, outputs: int, kernel: int, *, padding: int = 0, deconv: bool = False) -> nn.Module:
        """Convolution of stride 1 (with bias), transposed or not, norm, ReLU."""
        layer = ConvModule(
            inputs, outputs, kernel, padding=padding, bias=True, conv_cfg=dict(type='deconv') if deconv else None,
            norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        return nn.Sequential(layer)  # a plain container: mmcv would fill a ConvModule its own way

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Scores at the size of the image."""
        top, bridge, *indices, image = self._transform_inputs(inputs)
        if min(top.shape[-2:]) < self.fc_kernel:
            raise ValueError(f'DecoupledNetHead: the coarsest map has {top.shape[-2]} x {top.shape[-1]} cells, fc6 '
                             f'needs at least {self.fc_kernel} x {self.fc_kernel}; give larger images')
        x = torch.cat([self.norm_map(top), self.norm_bridge(bridge)], 1)
        x = self.deconv6(self.fc7(self.fc6(x)))
        return self.classifier(self.decoder(x, indices, (image.shape[-2], image.shape[-1])))
