"""From Jasonlee1995's DeconvNet checkpoints to this package's DeconvNet.

Original: https://github.com/Jasonlee1995/DeconvNet/tree/4cbff2931e037243aec7c44d394564687328bb7a

Names change, and the last layer, a transposed convolution of 1 x 1, becomes a convolution with the transposed matrix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import NORM_PARAM, Rule, Tensors, convert
from .vgg16 import position

LAYER = rf'(?P<i>[0134]|(?<=[345]\.)[67])\.{NORM_PARAM}'  # conv 0, 3, 6 and norm 1, 4, 7 of a block of two or three
PARTS = ('conv', 'bn')


def _layer(match: re.Match) -> tuple[int, int]:
    """Number of the layer in its block, and 0 for its convolution or 1 for its norm."""
    return divmod(int(match['i']), 3)


def _conv(match: re.Match, tensor: Tensor) -> Tensors:
    layer, part = _layer(match)
    return {f'backbone.features.{position(int(match["stage"]), layer + 1) + part}.{match["param"]}': tensor}


def _fc(match: re.Match, tensor: Tensor) -> Tensors:
    layer, part = _layer(match)
    return {f'backbone.fc.{layer}.{PARTS[part]}.{match["param"]}': tensor}


def _deconv6(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'decode_head.deconv6.0.{PARTS[int(match["i"])]}.{match["param"]}': tensor}


def _deconv(match: re.Match, tensor: Tensor) -> Tensors:
    layer, part = _layer(match)
    name = f'decode_head.decoder.blocks.{5 - int(match["stage"])}.{layer}.0.{PARTS[part]}.{match["param"]}'
    return {name: tensor}


RULES = [
    Rule(rf'conv(?P<stage>[1-5])\.{LAYER}', _conv),
    Rule(rf'conv67\.(?P<i>[0134])\.{NORM_PARAM}', _fc),
    Rule(rf'deconv67\.(?P<i>[01])\.{NORM_PARAM}', _deconv6),
    Rule(rf'deconv(?P<stage>[1-5])\.{LAYER}', _deconv),
    Rule(r'deconv1\.6\.weight', lambda _, tensor: {'decode_head.classifier.weight': tensor.transpose(0, 1)}),
    Rule(r'deconv1\.6\.bias', 'decode_head.classifier.bias'),
]


def convert_deconvnet(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate the original's ``state_dict`` to the keys of ``DeconvNetEncoder`` and ``DeconvNetHead``.

    Raises:
        UserError: listing keys that belong to neither.
    """
    return convert(state_dict, RULES, 'DeconvNet (Jasonlee1995/DeconvNet)')
