"""DilatedNet's context modules: score maps in, score maps out, over an exponentially growing neighborhood.

Paper: "Multi-Scale Context Aggregation by Dilated Convolutions", https://arxiv.org/abs/1511.07122.
Source: https://github.com/fyu/dilation/tree/0f105742e8c2202af12feb54374781ba55c3e112 (models/*_deploy.prototxt) and,
for the first weights, ``IdentityFiller`` of
https://github.com/fyu/caffe-dilation/tree/9548b9a44c49986f0fb5a73447e59b58c187143f (include/caffe/filler.hpp).

Shapes: B images, C classes, h x w scores.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

#: Name and dilation of the 3 x 3 convolutions; the last layer, ``final``, is 1 x 1.
_CONVS = (('conv1_1', 1), ('conv1_2', 1), ('conv2_1', 2), ('conv3_1', 4), ('conv4_1', 8), ('conv5_1', 16),
          ('conv6_1', 32), ('conv7_1', 64))  # fmt: skip
#: Convolutions of ``_CONVS`` in each variant, before ``fc1``: KITTI, CamVid, Cityscapes; VOC.
DEPTHS = {'basic7': 5, 'basic8': 6, 'basic10': 8, 'large': 6}
_LARGE_WIDTHS = (2, 2, 4, 8, 16, 32, 32, 1)  # times C, of the six convolutions, fc1 and final


class DilatedContext(nn.Module):
    """3 x 3 convolutions of dilation 1, 1, 2, 4, 8, ... and 1, and a 1 x 1; ReLU after all but the last.

    ======== ============================== ===================== =====================================
    variant  dilations                      channels              padding
    ======== ============================== ===================== =====================================
    basic7   1 1 2 4 8 1                    C                     each convolution keeps the size
    basic8   1 1 2 4 8 16 1                 C                     the same
    basic10  1 1 2 4 8 16 32 64 1           C                     the same
    large    1 1 2 4 8 16 1                 2 2 4 8 16 32 32 x C  33 at the first, none at the others
    ======== ============================== ===================== =====================================

    With its first weights a module gives back max(score, 0), but for the noise.

    Args:
        num_classes: C.
        variant: See the table.
        noise: Standard deviation of the first weights off the identity; the large variant divides it by the layer's
            width in units of C.

    Shape:
        (B, C, h, w) -> (B, C, h, w).
    """

    def __init__(self, num_classes: int, variant: str = 'basic8', noise: float = 0.01) -> None:
        if variant not in DEPTHS:
            raise ValueError(f'DilatedContext: variant={variant!r}, it must be one of {sorted(DEPTHS)}')
        super().__init__()
        self.num_classes, self.noise = num_classes, noise
        chosen = (*_CONVS[:DEPTHS[variant]], ('fc1', 1))
        large = variant == 'large'
        widths = [num_classes, *(num_classes * n for n in (_LARGE_WIDTHS if large else [1] * (len(chosen) + 1)))]
        for (name, dilation), channels in zip(chosen, pairwise(widths[:-1]), strict=True):
            padding = (33 if name == 'conv1_1' else 0) if large else dilation
            setattr(self, name, nn.Conv2d(*channels, 3, padding=padding, dilation=dilation))
        self.final = nn.Conv2d(widths[-2], num_classes, 1)
        self.names = [name for name, _ in chosen]
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Identity, with noise; biases 0."""
        for layer in self.children():
            assert isinstance(layer, nn.Conv2d)
            identity_fill_(layer.weight, self.num_classes, self.noise)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Refine scores (B, C, h, w)."""
        for name in self.names:
            x = getattr(self, name)(x).relu()
        return self.final(x)


@torch.no_grad()
def identity_fill_(weight: Tensor, groups: int, noise: float = 0.01) -> Tensor:
    """Fill a convolution's weight in place so that every group of channels hands on its mean, and return it.

    Channels form ``groups`` groups of neighbors, one for each class.  The center tap from input i to output o is
    groups / outputs where both are of one group; all other weights are normal with the standard deviation
    ``noise`` x groups / outputs.

    Args:
        weight: (outputs, inputs, k, k), k odd.
        groups: C; divides inputs and outputs.
    """
    outputs, inputs, size = weight.shape[:3]
    if outputs % groups or inputs % groups or size % 2 == 0:
        raise ValueError(f'identity_fill_: a weight of {tuple(weight.shape)}: its inputs and outputs must be multiples '
                         f'of groups={groups} and its sides odd')
    weight.normal_(std=noise * groups / outputs) if noise else weight.zero_()
    of_output = torch.arange(outputs, device=weight.device) // (outputs // groups)
    of_input = torch.arange(inputs, device=weight.device) // (inputs // groups)
    same = of_output[:, None] == of_input[None]
    center = weight[:, :, size // 2, size // 2]
    center[same] = groups / outputs
    return weight
