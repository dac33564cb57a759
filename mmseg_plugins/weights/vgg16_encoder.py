"""VGG16 without batch norm as the first weights of SegNet's and DeconvNet's encoders, which have it.

Both papers start from the ImageNet classifier's convolutions and learn the norms from scratch.  The classifiers:
Caffe's (``conv1_1.weight``, ``fc6.weight``; BGR pixels of 0 to 255 minus the mean) or torchvision's ``vgg16``
(``features.0.weight``, ``classifier.0.weight``; RGB, mean and deviation taken out).  torchvision's ``vgg16_bn`` needs
no conversion: the encoders have its names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .state_dict_rules import Rule, Tensors, convert

CONVS = (2, 2, 3, 3, 3)  # of the stages of VGG16
IMAGENET_STD = (58.395, 57.12, 57.375)  # RGB
PARAM = r'(?P<param>weight|bias)'
SIDE = 7  # cells of pool5 that fc6 reads


def position(stage: int, conv: int, with_bn: bool = True) -> int:
    """Place of convolution ``conv`` of stage ``stage`` (both from 1) in torchvision's ``features``."""
    width = 3 if with_bn else 2
    return sum(width * count + 1 for count in CONVS[:stage - 1]) + width * (conv - 1)


PLAIN = {position(stage, conv, with_bn=False): position(stage, conv)
         for stage, count in enumerate(CONVS, 1) for conv in range(1, count + 1)}


def _fully_connected(layer: int, param: str, tensor: Tensor) -> Tensors:
    """fc6 (4096, 512 * 7 * 7) and fc7 (4096, 4096) as convolutions; fc8, ImageNet's classifier, is left out."""
    if layer == 8:
        return {}
    if param == 'weight':
        side = SIDE if layer == 6 else 1
        tensor = tensor.reshape(tensor.shape[0], -1, side, side)
    return {f'fc.{layer - 6}.conv.{param}': tensor}


def _caffe_conv(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'features.{position(int(match["stage"]), int(match["conv"]))}.{match["param"]}': tensor}


def _torch_conv(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'features.{PLAIN[int(match["i"])]}.{match["param"]}': tensor}


RULES = [
    Rule(rf'conv(?P<stage>[1-5])_(?P<conv>[12]|(?<=[345]_)3)\.{PARAM}', _caffe_conv),
    Rule(rf'features\.(?P<i>{"|".join(map(str, PLAIN))})\.{PARAM}', _torch_conv),
    Rule(rf'fc(?P<i>[678])\.{PARAM}', lambda m, t: _fully_connected(int(m['i']), m['param'], t)),
    Rule(rf'classifier\.(?P<i>[036])\.{PARAM}', lambda m, t: _fully_connected(6 + int(m['i']) // 3, m['param'], t)),
]


def convert_vgg16(state_dict: Mapping[str, Tensor], *, fully_connected: bool = False,
                  raw_bgr: bool | None = None) -> Tensors:
    """Translate a VGG16 classifier to the names of :class:`SegNetEncoder` or :class:`DeconvNetEncoder`.

    Args:
        state_dict: Under Caffe's names or torchvision's.
        fully_connected: Whether fc6 and fc7 are wanted (DeconvNet), as ``fc.0.conv`` and ``fc.1.conv``.
        raw_bgr: Whether conv1_1 of torchvision's weights is rewritten for BGR pixels of 0 to 255: channels in the other
            order, divided by ImageNet's deviations.  The norm behind it takes care of the mean, apart from the padded
            border.  Default: yes for torchvision's names; Caffe's weights read such pixels as they are.

    Returns:
        Convolutions only: ``features.*`` and perhaps ``fc.*``; the norms keep their first values.

    Raises:
        ConversionError: listing keys that are not VGG16's.
    """
    converted = convert(state_dict, RULES, 'VGG16 (Caffe names, or torchvision vgg16)')
    torchvision = any(key.startswith('features.') for key in state_dict)
    first = 'features.0.weight'
    if first in converted and (torchvision if raw_bgr is None else raw_bgr and torchvision):
        converted[first] = to_raw_bgr(converted[first])
    return converted if fully_connected else {k: v for k, v in converted.items() if k.startswith('features.')}


def to_raw_bgr(weight: Tensor, std: Sequence[float] = IMAGENET_STD) -> Tensor:
    """(O, 3, k, k) for normalised RGB -> for BGR of 0 to 255, up to a constant an output channel."""
    return (weight / torch.tensor(std).to(weight).view(1, 3, 1, 1)).flip(1)
