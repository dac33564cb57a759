"""DeconvNet's decoder: a mirror of VGG16 made of unpooling and transposed convolutions.

Paper: "Learning Deconvolution Network for Semantic Segmentation", https://arxiv.org/abs/1505.04366.
Originals: https://github.com/HyeonwooNoh/DeconvNet (Caffe); a port,
https://github.com/Jasonlee1995/DeconvNet/blob/4cbff2931e037243aec7c44d394564687328bb7a/Implementation/model.py.

Shapes: B images of S x S, S = k 2^n (224 = 7 * 32), C classes, C_i channels of the i-th pooled map, i = 1 .. n.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmseg_plugins.models.layers.unpool_decoder import UnpoolDecoder
from mmseg_plugins.registry import MODELS

from .own_classifier_head import OwnClassifierHead


@MODELS.register_module()
class DeconvNetHead(OwnClassifierHead):
    """Reads ``DeconvNetEncoder``: fc7 and all indices.

    .. code-block:: none

        fc7 (1 x 1) -> deconv6 (k x k) -> decoder: unpool 5 (2k x 2k) ... unpool 1 (S x S) -> classifier -> scores

    Args:
        in_channels: Of fc7, then C_1 .. C_n.
        in_index: fc7, the indices from the finest to the coarsest; for five pools ``(5, 6, 7, 8, 9, 10)``.
        widths: Of the transposed convolutions of each block, coarsest first.
        fc_kernel: k, that of the encoder's fc6.
        init_cfg: Default the paper's: N(0, .01) weights, zero biases.
        kwargs: Of mmseg's ``BaseDecodeHead``.

    Shape:
        ``forward``: the backbone's maps -> (B, C, S, S).

    Raises:
        ValueError: a setting of ``input_transform`` other than ``'multiple_select'``, widths that do not fit the
            indices; in ``forward``, indices of another size than k.
    """

    several_maps = True

    def __init__(self,
                 in_channels: Sequence[int] = (4096, 64, 128, 256, 512, 512),
                 *,
                 num_classes: int,
                 in_index: Sequence[int] = (5, 6, 7, 8, 9, 10),
                 widths: Sequence[Sequence[int]] = ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64),
                                                    (64, 64)),
                 fc_kernel: int = 7,
                 norm_cfg: dict | None = None,
                 init_cfg: dict | list | None = None,
                 **kwargs: Any) -> None:
        super().__init__(
            in_channels, num_classes=num_classes, in_index=in_index,
            norm_cfg=norm_cfg or dict(type='BN'),
            init_cfg=init_cfg or dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.01), **kwargs)
        top, *index_channels = in_channels
        self.deconv6 = self._deconv(top, index_channels[-1], fc_kernel, 0)
        self.decoder = UnpoolDecoder(
            index_channels[-1], index_channels, widths, lambda inputs, outputs: self._deconv(inputs, outputs, 3, 1))
        self.classifier = nn.Conv2d(widths[-1][-1], self.out_channels, 1)

    def _deconv(self, inputs: int, outputs: int, kernel: int, padding: int) -> nn.Module:
        """Transposed convolution of stride 1 (with bias), norm, ReLU."""
        layer = ConvModule(
            inputs, outputs, kernel, padding=padding, bias=True, conv_cfg=dict(type='deconv'), norm_cfg=self.norm_cfg,
            act_cfg=self.act_cfg)
        return nn.Sequential(layer)  # a plain container: mmcv would fill a ConvModule its own way

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Scores at the size of the image."""
        top, *indices = self._transform_inputs(inputs)
        x = self.deconv6(top)
        if x.shape[-2:] != indices[-1].shape[-2:]:
            raise ValueError(f'DeconvNetHead: deconv6 gives {x.shape[-2]} x {x.shape[-1]} cells, the coarsest indices '
                             f'have {indices[-1].shape[-2]} x {indices[-1].shape[-1]}; fc_kernel must be that of the '
                             'encoder')
        finest = indices[0].shape
        return self.classifier(self.decoder(x, indices, (2 * finest[-2], 2 * finest[-1])))
