"""From meetps' U-Net to this package's.

Original (MIT): https://github.com/meetps/pytorch-semseg/tree/801fb200547caa5b0d91b8dde56b837da029f746
(ptsemseg/models/unet.py), with ``is_deconv=True``; ``is_batchnorm`` may be either.

Only names change, and the biases that the original keeps before its batch norms move into the norms' running means
(which gives the same numbers; a bias before a norm has no effect in training).  What the config must reproduce: the
original's ``feature_scale`` s as ``base_channels = 64 / s``, and its input.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import NORM_PARAM, PARAM, WRAPPED, Rule, Tensors, convert

LAYERS = {'0': 'conv', '1': 'bn'}  # of the original's Sequential(convolution, norm, ReLU)
DEEPEST = 4  # the original always has 5 levels


def _level(text: str) -> int:
    """``conv1`` .. ``conv4``, ``center`` -> 0 .. 4."""
    return DEEPEST if text == 'center' else int(text.removeprefix('conv')) - 1


def _convs(prefix: str, level: int, match: re.Match, tensor: Tensor) -> Tensors:
    return {f'backbone.{prefix}.{level}.{int(match["i"]) - 1}.{LAYERS[match["layer"]]}.{match["param"]}': tensor}


def _down(match: re.Match, tensor: Tensor) -> Tensors:
    return _convs('down', _level(match['level']), match, tensor)


def _fuse(match: re.Match, tensor: Tensor) -> Tensors:
    return _convs('fuse', int(match['level']) - 1, match, tensor)


def _up(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'backbone.ups.{int(match["level"]) - 1}.{match["param"]}': tensor}


_CONV = rf'conv(?P<i>[12])\.(?P<layer>[01])\.{NORM_PARAM}'
RULES = [
    Rule(rf'{WRAPPED}(?P<level>conv[1-4]|center)\.{_CONV}', _down),
    Rule(rf'{WRAPPED}up_concat(?P<level>[1-4])\.conv\.{_CONV}', _fuse),
    Rule(rf'{WRAPPED}up_concat(?P<level>[1-4])\.up\.{PARAM}', _up),
    Rule(rf'{WRAPPED}final\.{PARAM}', r'decode_head.classify.\g<param>'),
]


def convert_unet(state_dict: Mapping[str, Tensor], wrapped: bool = True) -> Tensors:
    """Translate the original's ``state_dict`` to the keys of a segmentor of ``ValidUNet`` and ``UNetHead``.

    Args:
        wrapped: The network stands in ``MirrorMargin``, as in ``configs/unet``.

    Raises:
        UserError: listing keys that belong to none of its modules.
    """
    converted = convert(state_dict, RULES, 'U-Net (meetps/pytorch-semseg, is_deconv=True)')
    for key in [key for key in converted if key.endswith('.conv.bias')]:
        mean = key.removesuffix('conv.bias') + 'bn.running_mean'
        if mean in converted:
            converted[mean] = converted[mean] - converted.pop(key)
    if not wrapped:
        return converted
    return {re.sub(r'^backbone\.', 'backbone.net.', key): value for key, value in converted.items()}
