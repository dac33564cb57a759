"""FCN-32s, 16s and 8s: scores of coarse maps, doubled and added to those of finer ones, and cut to the image.

Paper: "Fully Convolutional Networks for Semantic Segmentation", https://arxiv.org/abs/1605.06211.
Source: https://github.com/shelhamer/fcn.berkeleyvision.org/blob/1305c7378a9f0ab44b2c936f4d60e4687e3d8743/voc-fcn8s/net.py
Names and drop-out variant: https://github.com/wkentaro/pytorch-fcn/tree/4b988509bfd1a613d5e8482595a1c6654047d69b

Not mmseg's ``FCNHead``, which is one or two convolutions on one map.

Shapes: B images of H x W px, C classes; a map at stride s has h_s x w_s cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from mmseg_plugins.models.decode_heads.own_classifier_head import OwnClassifierHead
from mmseg_plugins.models.layers.bilinear_deconv import BilinearDeconv2d
from mmseg_plugins.models.layers.init import note_init
from mmseg_plugins.registry import MODELS

FC_REACH = 3  # cells that a 7 x 7 convolution without padding takes from each side
SKIPS = ((4, 'upscore2'), (3, 'upscore_pool4'))  # pool that is added, and the deconvolution in front of the sum
LAST = {0: (32, 'upscore'), 1: (16, 'upscore16'), 2: (8, 'upscore8')}  # stride of the last sum, its deconvolution


@MODELS.register_module()
class FCNSkipHead(OwnClassifierHead):
    """A 1 x 1 classifier on each map; sums from coarse to fine; the last one enlarged to pixels and cut out.

    .. code-block:: none

        fc7   - score_fr ----- upscore2 ------- + -- upscore_pool4 -- + -- upscore8 -- cut -- scores
        pool4 - (x scale) - score_pool4 - cut --+                     |                 |
        pool3 - (x scale) - score_pool3 - cut ------------------------+                 |
        image (its size) ----------------------------------------------------------------+

    One map is FCN-32s (``upscore`` after ``score_fr``), two are 16s (``upscore16`` after the first sum), three 8s.
    Where to cut follows from the paddings: in the original (``padding=100``, ``fc_padding=0``) ``score_pool4`` begins
    at cell 5, ``score_pool3`` at 9, and the image at px 19, 27 or 31 of the last deconvolution.

    Args:
        in_channels: Of the maps from fine to coarse, and of the image (3), which must come last:
            ``[256, 512, 4096, 3]`` for :class:`FCNVGG` inside :class:`WithImage`.
        num_classes: C.
        in_index: Their places among the backbone's maps; default the last ones.
        skip_scales: Fixed factors of the finer maps, from fine to coarse; default 1.  "At once" (all of FCN-8s trained
            in one stage): ``[0.0001, 0.01]``, which brings the maps of a VGG without batch norm to one size.
        padding: Of the backbone's first convolution: 100, or 1 for backbones that keep the usual sizes.
        fc_padding: Of the 7 x 7 convolution in front of the coarsest map: 0, or 3 where that map has its full size
            (any backbone at strides 8, 16 and 32 with ``padding=1``).
        learn_sums: Train the deconvolutions in front of the sums (CRF-RNN does).
        learn_last: Train the last deconvolution.  In the released networks all are frozen.
        upscore2_bias: A bias in the first deconvolution (CRF-RNN's).
        kwargs: Of ``OwnClassifierHead``.

    Shape:
        maps (B, C_i, h_i, w_i) and the image (B, 3, H, W) -> scores (B, C, H, W).

    Raises:
        ValueError: maps that do not reach over the image, paddings of which that is known, other than 1 to 3 maps.
    """

    several_maps = True

    def __init__(self,
                 in_channels: Sequence[int],
                 *,
                 num_classes: int,
                 in_index: Sequence[int] | None = None,
                 skip_scales: Sequence[float] | None = None,
                 padding: int = 100,
                 fc_padding: int = 0,
                 learn_sums: bool = False,
                 learn_last: bool = False,
                 upscore2_bias: bool = False,
                 **kwargs: Any) -> None:
        skips = len(in_channels) - 2
        if skips not in LAST:
            raise ValueError(f'FCNSkipHead: in_channels={list(in_channels)} must name 1 to 3 maps, fine to coarse, and '
                             'the image, e.g. [256, 512, 4096, 3]')
        index = list(range(-len(in_channels), 0)) if in_index is None else list(in_index)
        super().__init__(in_channels, num_classes=num_classes, in_index=index, **kwargs)
        self.scales = [1.0] * skips if skip_scales is None else list(skip_scales)
        if len(self.scales) != skips:
            raise ValueError(f'FCNSkipHead: skip_scales={self.scales} needs {skips} factors, one for each of '
                             f'in_channels={list(in_channels)} but the coarsest map and the image')
        self.padding, self.fc_padding = padding, fc_padding
        *fine, coarse, _ = in_channels
        self.score_fr = nn.Conv2d(coarse, self.out_channels, 1)
        for number, (pool, name) in enumerate(SKIPS[:skips]):
            bias = upscore2_bias and number == 0
            setattr(self, name, BilinearDeconv2d(self.out_channels, 2, bias=bias, learned=learn_sums))
            setattr(self, f'score_pool{pool}', nn.Conv2d(fine[-1 - number], self.out_channels, 1))
        self.stride, self.last = LAST[skips]
        setattr(self, self.last, BilinearDeconv2d(self.out_channels, self.stride, learned=learn_last))
        self.cuts, self.image_cut = fcn_cuts(padding, fc_padding, skips)
        self._reset()

    def init_weights(self) -> None:
        """Zero scores, as Caffe fills them, and bilinear deconvolutions, unless ``init_cfg`` says otherwise."""
        if not self.init_cfg:
            self._reset()
        super().init_weights()

    def _reset(self) -> None:
        for name, layer in self.named_children():
            if name.startswith('score_'):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)
            elif isinstance(layer, BilinearDeconv2d):
                layer.reset_parameters()
        note_init(self, 'FCNSkipHead: classifiers zero, deconvolutions bilinear')

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Give scores (B, C, H, W) of the image's pixels."""
        *fine, coarse, image = self._transform_inputs(inputs)
        scores = self.score_fr(coarse)
        for (pool, up), cut, scale, skip in zip(SKIPS, self.cuts, reversed(self.scales), reversed(fine), strict=False):
            scores = getattr(self, up)(scores)
            skip = getattr(self, f'score_pool{pool}')(skip * scale)
            if cut < 0:
                scores = self._cut(scores, -cut, skip, f'pool{pool}')
            else:
                skip = self._cut(skip, cut, scores, f'pool{pool}')
            scores = scores + skip
        return self._cut(getattr(self, self.last)(scores), self.image_cut, image, 'the image')

    def _cut(self, x: Tensor, start: int, like: Tensor, where: str) -> Tensor:
        """``x`` from cell ``start`` on, of the size of ``like``."""
        height, width = like.shape[-2:]
        if x.shape[-2] < start + height or x.shape[-1] < start + width:
            raise ValueError(
                f'FCNSkipHead: at {where}, {height} x {width} cells are needed from cell {start} of a map of '
                f'{x.shape[-2]} x {x.shape[-1]}; padding={self.padding} and fc_padding={self.fc_padding} must be those '
                'of the backbone (first_padding and fc_padding of FCNVGG; 1 and 3 for others), and its maps at '
                f'strides 8, 16 and 32 (round sizes up: ceil_mode)')
        return x[..., start:start + height, start:start + width]


def fcn_cuts(padding: int, fc_padding: int, skips: int) -> tuple[list[int], int]:
    """Where the finer map begins at each sum, and the image in the last deconvolution.

    Cell m of a map whose first cell is number a of its stride-s grid has its center at px s (m + a) + (s - 1) / 2 of
    the first convolution's output; pixel i of the image is px i + padding - 1 there.  A deconvolution of kernel 2 s
    and stride s without padding moves centers to s m + s - 1 / 2, which doubles a to 2 a - 1.

    Returns:
        cuts: One for each sum.  c >= 0: the finer map is cut from cell c on; c < 0: the doubled one from -c on.
        image_cut: px.

    Raises:
        ValueError: the last deconvolution begins inside the image, or another ``fc_padding``: with 1 or 2 some images
            have fewer cells in a finer map than the sum needs.
    """
    if fc_padding not in (0, FC_REACH):
        raise ValueError(f'FCNSkipHead: fc_padding={fc_padding}, it must be 0 or {FC_REACH}, in the backbone, too')
    first = FC_REACH - fc_padding
    cuts = []
    for _ in range(skips):
        first = 2 * first - 1
        cuts.append(first)
        first = max(first, 0)
    stride = LAST[skips][0]
    image_cut = padding - 1 - stride * first + stride // 2
    if image_cut < 0:
        raise ValueError(f'FCNSkipHead: with padding={padding} and fc_padding={fc_padding} the scores begin '
                         f'{-image_cut} px inside the image; the original has 100 and 0, usual backbones 1 and 3')
    return cuts, image_cut
