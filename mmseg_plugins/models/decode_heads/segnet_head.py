"""SegNet's decoder: unpooling with the encoder's indices, convolutions, a classifier at full resolution.

Papers: https://arxiv.org/abs/1511.00561, https://arxiv.org/abs/1511.02680 (Bayesian).
Originals: https://github.com/alexgkendall/SegNet-Tutorial/tree/bb68b64e72cb004b3ed927fee0f5624dd8097498/Models (Caffe);
https://github.com/meetps/pytorch-semseg/blob/801fb200547caa5b0d91b8dde56b837da029f746/ptsemseg/models/segnet.py (a port
that rounds sizes down and puts batch norm and ReLU after the last convolution, too).

Shapes: B images of H x W, C classes, C_i channels of the i-th pooled map, i = 1 (finest) .. n.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmseg_plugins.models.layers.init import caffe_msra
from mmseg_plugins.models.layers.unpool_decoder import UnpoolDecoder
from mmseg_plugins.registry import MODELS

from .own_classifier_head import OwnClassifierHead


@MODELS.register_module()
class SegNetHead(OwnClassifierHead):
    """Reads ``WithImage(net=SegNetEncoder)``: the coarsest map, all indices, the image (for its size).

    .. code-block:: none

        map n, indices 1 .. n, image -> decoder (one block a pooling) -> classifier -> scores (B, C, H, W)

    Args:
        in_channels: C_n, C_1 .. C_n, 3: of what ``in_index`` names.
        in_index: The coarsest map, the indices from the finest to the coarsest, the image; for SegNet's five pools
            ``(4, 5, 6, 7, 8, 9, 10)``.
        widths: Of the convolutions of each block, coarsest first.  SegNet-Basic has ``((64, ), ) * 4``.
        kernel_size: Of the decoder's convolutions, odd.  SegNet-Basic has 7.
        classifier_kernel: 3; SegNet-Basic has 1.
        last_norm_act: Norm and ReLU after the classifier, as in the port (its scores are never negative); the paper
            has neither.
        dropout, dropout_blocks: Rate, and after which blocks (counted as the poolings that they undo); Bayesian
            SegNet: .5 at 5, 4 and 3.
        act_cfg: ``None`` leaves ReLU out of the decoder, as SegNet-Basic does.
        init_cfg: Default Caffe's: MSRA weights, zero biases, norms of scale 1 and shift .001.
        kwargs: Of mmseg's ``BaseDecodeHead``.

    Shape:
        ``forward``: the backbone's maps -> (B, C, H, W), any H and W.

    Raises:
        ValueError: a setting of ``input_transform`` other than ``'multiple_select'``, an even kernel, or widths that do
            not fit the indices.
    """

    several_maps = True

    def __init__(self,
                 in_channels: Sequence[int] = (512, 64, 128, 256, 512, 512, 3),
                 *,
                 num_classes: int,
                 in_index: Sequence[int] = (4, 5, 6, 7, 8, 9, 10),
                 widths: Sequence[Sequence[int]] = ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64),
                                                    (64, )),
                 kernel_size: int = 3,
                 classifier_kernel: int = 3,
                 last_norm_act: bool = False,
                 dropout: float = 0.5,
                 dropout_blocks: Collection[int] = (),
                 norm_cfg: dict | None = None,
                 init_cfg: dict | list | None = None,
                 **kwargs: Any) -> None:
        if kernel_size % 2 == 0 or classifier_kernel % 2 == 0:
            raise ValueError(f'SegNetHead: kernel_size={kernel_size} and classifier_kernel={classifier_kernel} must be '
                             'odd, so that a convolution keeps the size')
        super().__init__(
            in_channels, num_classes=num_classes, in_index=in_index,
            norm_cfg=norm_cfg or dict(type='BN'), init_cfg=init_cfg or caffe_msra(), **kwargs)
        norm = dict(norm_cfg=self.norm_cfg)

        def layer(inputs: int, outputs: int) -> nn.Module:
            return ConvModule(
                inputs, outputs, kernel_size, padding=kernel_size // 2, bias=True, act_cfg=self.act_cfg, **norm)

        top, *index_channels, _ = in_channels
        self.decoder = UnpoolDecoder(
            top, index_channels, widths, layer, dropout=dropout, dropout_blocks=dropout_blocks)
        last: dict = dict(norm, act_cfg=dict(type='ReLU')) if last_norm_act else dict(act_cfg=None)
        classifier = ConvModule(
            widths[-1][-1], self.out_channels, classifier_kernel, padding=classifier_kernel // 2, bias=True, **last)
        self.classifier = nn.Sequential(classifier)  # a plain container: mmcv would fill a ConvModule its own way

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Scores at the size of the image."""
        x, *indices, image = self._transform_inputs(inputs)
        return self.classifier(self.decoder(x, indices, (image.shape[-2], image.shape[-1])))
