"""VGG-16's ImageNet classifier as the first weights of FCN, SegNet, DeconvNet and DeepLab.

The classifiers: Caffe's (``conv1_1.weight``, ``fc6.weight``; BGR pixels of 0 to 255 minus the mean) or torchvision's
``vgg16`` (``features.0.weight``, ``classifier.0.weight``; RGB, mean and deviation taken out).  :func:`read_vgg16` reads
both; ImageNet's own classes (``fc8``, ``classifier.6``) must be left out before.

Papers: FCN https://arxiv.org/abs/1605.06211, SegNet https://arxiv.org/abs/1511.00561, DeconvNet
https://arxiv.org/abs/1505.04366, DeepLab https://arxiv.org/abs/1412.7062.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmseg_plugins.models.layers.fc_as_conv import FC_KERNEL, fc_as_conv
from mmseg_plugins.utils.errors import UserError

from .state_dict_rules import PARAM, Rule, Tensors, convert

CONVS = (2, 2, 3, 3, 3)  # of the stages
IMAGENET_STD = (58.395, 57.12, 57.375)  # RGB


def position(stage: int, conv: int, with_bn: bool = True) -> int:
    """Place of convolution ``conv`` of stage ``stage`` (both from 1) in torchvision's ``features``."""
    width = 3 if with_bn else 2
    return sum(width * count + 1 for count in CONVS[:stage - 1]) + width * (conv - 1)


_PLACES = [(stage, conv) for stage, count in enumerate(CONVS, 1) for conv in range(1, count + 1)]
#: Caffe's name of a convolution, without ``conv`` -> its place in ``features``.
CAFFE_CONVS = {f'{stage}_{conv}': position(stage, conv, with_bn=False) for stage, conv in _PLACES}
#: A convolution's place in ``features`` without batch norms -> its place with them.
WITH_BN = {position(stage, conv, with_bn=False): position(stage, conv) for stage, conv in _PLACES}
FC = {'classifier.0': 'fc6', 'classifier.3': 'fc7'}
ANY_CONV = '|'.join(map(str, WITH_BN))


def caffe_conv_rule(prefix: str) -> Rule:
    """Rule for ``conv1_1`` .. ``conv5_3`` of a trunk whose names begin with ``prefix``."""

    def conv(match: re.Match, tensor: Tensor) -> Tensors:
        return {f'{prefix}features.{CAFFE_CONVS[match["conv"]]}.{match["param"]}': tensor}

    return Rule(rf'conv(?P<conv>{"|".join(CAFFE_CONVS)})\.{PARAM}', conv)


def _fully_connected(match: re.Match, tensor: Tensor) -> Tensors:
    """fc6 (4096, 512 * 7 * 7) and fc7 (4096, 4096) as convolutions."""
    name = FC.get(match['fc'], match['fc'])
    kernel = FC_KERNEL if name == 'fc6' else 1
    if tensor.dim() == 2 and tensor.shape[1] % kernel**2:
        raise UserError(
            f'{match[0]} has the shape {tuple(tensor.shape)}.',
            rule='fc6 reads 7 x 7 cells, so its columns are a multiple of 49.',
            fix='give the whole VGG-16 of ImageNet.',
        )
    return {f'{name}.{match["param"]}': fc_as_conv(tensor, kernel)}


RULES = [
    caffe_conv_rule(''),
    Rule(rf'(?P<layer>features\.(?:{ANY_CONV}))\.{PARAM}', r'\g<layer>.\g<param>'),
    Rule(rf'(?P<fc>classifier\.[03]|fc[67])\.{PARAM}', _fully_connected),
]


def read_vgg16(state_dict: Mapping[str, Tensor]) -> Tensors:
    """A VGG-16 classifier under either kind of names, as weights of :class:`FCNVGG`.

    Returns:
        ``features.N.*`` at torchvision's places, ``fc6.*`` (4096, 512, 7, 7) and ``fc7.*`` (4096, 4096, 1, 1), as far
        as they are given.

    Raises:
        UserError: listing keys of other networks.
    """
    return convert(state_dict, RULES, "VGG-16 (torchvision's or Caffe's names)")


def convert_vgg16_encoder(state_dict: Mapping[str, Tensor], *, normalized: bool = False) -> Tensors:
    """Convolutions of :class:`SegNetEncoder`, or of :class:`DeconvNetEncoder` where fc6 and fc7 are given.

    Both papers start from these and learn the batch norms from scratch: the norms keep their first values.
    torchvision's ``vgg16_bn`` needs no conversion, the encoders have its names.

    Args:
        state_dict: See :func:`read_vgg16`.
        normalized: Leave conv1_1 of torchvision's weights as it is, for RGB pixels normalized as torchvision does.
            Otherwise it is rewritten for BGR pixels of 0 to 255, which both published configs read: channels in the
            other order, divided by ImageNet's deviations.  The norm after it takes care of the mean, apart from the
            padded border.  Caffe's weights read such pixels as they are.

    Returns:
        ``features.*`` at the places that leave room for norms, and perhaps ``fc.0.conv.*`` and ``fc.1.conv.*``.

    Raises:
        UserError: listing keys that are not VGG-16's.
    """
    first = 'features.0.weight'
    converted: Tensors = {}
    for name, tensor in read_vgg16(state_dict).items():
        layer, _, param = name.rpartition('.')
        if layer.startswith('features.'):
            converted[f'features.{WITH_BN[int(layer.removeprefix("features."))]}.{param}'] = tensor
        else:
            converted[f'fc.{int(layer[-1]) - 6}.conv.{param}'] = tensor
    if first in state_dict and not normalized:
        converted[first] = to_raw_bgr(converted[first])
    return converted


def to_raw_bgr(weight: Tensor, std: Sequence[float] = IMAGENET_STD) -> Tensor:
    """(O, 3, k, k) for normalized RGB -> for BGR of 0 to 255, up to a constant per output channel."""
    return (weight / torch.tensor(std).to(weight).view(1, 3, 1, 1)).flip(1)


def subsample_vgg16(state_dict: Mapping[str, Tensor], *, branches: int = 1, channels: int = 1024, kernel_size: int = 3,
                    seed: int = 0) -> Tensors:
    """Weights of a DeepLab model without fc8.

    DeepLab's paper, section 3: the 7 x 7 filters of fc6 are decimated in space and a subset of the 4,096 filters is
    kept (the released start is ``vgg16_20M.caffemodel``, which no public address serves for PyTorch).  Here fc6 becomes
    ``channels`` filters of ``kernel_size``: rows and columns evenly spaced from the first to the last (0, 3, 6 for 3;
    0, 2, 4, 6 for 4).  fc7 keeps the rows and columns of the same filters.  The values are not rescaled.

    Args:
        state_dict: See :func:`read_vgg16`; all of it is needed.
        branches: Of ``LargeFOVHead``: 1 for LargeFOV, 4 for ASPP.  Each draws filters of its own.
        channels: Filters to keep; all 4,096 are kept in their order.
        kernel_size: Of fc6.
        seed: Of the choice of filters; the paper's is unknown.

    Returns:
        ``backbone.features.*``, ``decode_head.fc6.<branch>.conv.*`` and ``decode_head.fc7.<branch>.conv.*``.

    Raises:
        UserError: the weights are not VGG-16's, or there are fewer filters than ``channels``.
    """
    given = read_vgg16(state_dict)
    fc6, fc7 = (given.get(f'{layer}.weight') for layer in ('fc6', 'fc7'))
    if fc6 is None or fc7 is None or fc6.shape[2:] != (FC_KERNEL, ) * 2 or fc7.shape != (len(fc6), len(fc6), 1, 1):
        shapes = [None if layer is None else tuple(layer.shape) for layer in (fc6, fc7)]
        raise UserError(
            f'fc6 and fc7 (torchvision: classifier.0 and classifier.3) have, as convolutions, the shapes {shapes}.',
            rule='those of VGG-16 are (4096, 512, 7, 7) and (4096, 4096, 1, 1).',
            fix='give the whole VGG-16 of ImageNet.',
        )
    count = fc6.shape[0]
    if channels > count:
        raise UserError(f'channels={channels}, but fc6 has {count} filters.', fix='keep at most as many.')
    places = torch.linspace(0, FC_KERNEL - 1, kernel_size).round().long()
    cells = fc6[:, :, places[:, None], places]  # (4096, 512, 7, 7) -> (4096, 512, k, k)
    result = {f'backbone.{name}': value for name, value in given.items() if name.startswith('features.')}
    generator = torch.Generator().manual_seed(seed)
    for branch in range(branches):
        kept = torch.randperm(count, generator=generator)[:channels].sort()[0]
        head = f'decode_head.fc{{}}.{branch}.conv.{{}}'.format
        result[head(6, 'weight')] = cells[kept].contiguous()
        result[head(6, 'bias')] = given['fc6.bias'][kept]
        result[head(7, 'weight')] = fc7[kept][:, kept].contiguous()
        result[head(7, 'bias')] = given['fc7.bias'][kept]
    return result


def convert_vgg16_deeplab(state_dict: Mapping[str, Tensor], wanted: Mapping[str, Tensor], *, seed: int = 0) -> Tensors:
    """:func:`subsample_vgg16` with the branches, filters and kernel of a model.

    Args:
        state_dict: See :func:`read_vgg16`.
        wanted: The model's ``state_dict``; its trunk may stand inside ``WithImage``.
        seed: Of the choice of filters.

    Raises:
        UserError: the weights are not VGG-16's, or the model has no ``decode_head.fc6``.
    """
    fc6 = [value for name, value in wanted.items() if re.fullmatch(r'decode_head\.fc6\.\d+\.conv\.weight', name)]
    if not fc6:
        raise UserError(
            'the model has no decode_head.fc6.0.conv.',
            rule='these weights are for DeepLab over VGG-16 (LargeFOVHead).',
            fix='name such a config with --config.',
        )
    channels, _, kernel_size, _ = fc6[0].shape
    weights = subsample_vgg16(state_dict, branches=len(fc6), channels=channels, kernel_size=kernel_size, seed=seed)
    if not any(name.startswith('backbone.net.') for name in wanted):
        return weights
    return {re.sub(r'^backbone\.', 'backbone.net.', name): value for name, value in weights.items()}
