"""From DilatedNet's Caffe names to this package's.

Original: https://github.com/fyu/dilation/tree/0f105742e8c2202af12feb54374781ba55c3e112 (models/*_deploy.prototxt).
The input is a dict of tensors under Caffe's layer names, ``conv1_1.weight`` (or ``conv1_1/weight``) and so on, as the
usual dumps of ``.caffemodel`` files give them.  The front-end of VOC ends in ``fc-final``, its context layers are
``ct_*``; in the other models these are ``final`` and ``ctx_*`` (``ctx_final`` too).

What the config, not the weights, must reproduce: BGR input minus the data set's mean, margin 186, pools that round up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import Rule, Tensors, convert

CONVS = (2, 2, 3, 3, 3)  # of VGG-16's stages
PARAM = r'[./](?P<param>weight|bias)'


def _position(stage: int, conv: int) -> int:
    """Place of ``conv<stage>_<conv>`` in torchvision's ``features``: convolution, ReLU, ..., pool."""
    return sum(2 * count + 1 for count in CONVS[:stage - 1]) + 2 * (conv - 1)


def _vgg(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'backbone.features.{_position(int(match["stage"]), int(match["conv"]))}.{match["param"]}': tensor}


RULES = [
    Rule(rf'conv(?P<stage>[12])_(?P<conv>[12]){PARAM}', _vgg),
    Rule(rf'conv(?P<stage>[345])_(?P<conv>[123]){PARAM}', _vgg),
    Rule(rf'(?P<layer>fc[67]){PARAM}', r'decode_head.\g<layer>.conv.\g<param>'),
    Rule(rf'(?:fc-)?final{PARAM}', r'decode_head.score.\g<param>'),
    Rule(rf'ctx?_(?P<layer>conv[1-7]_[12]|fc1|final){PARAM}', r'decode_head.context.\g<layer>.\g<param>'),
    Rule(r'(?:ctx_)?upsample[./]weight', r'decode_head.upsample.weight'),
]


def convert_dilation(state_dict: Mapping[str, Tensor], wrapped: bool = True) -> Tensors:
    """Translate the original's tensors (whole, or a part) to the keys of a segmentor of ``VGG`` and ``DilationHead``.

    Args:
        wrapped: The network stands in ``MirrorMargin``, as in ``configs/dilation``.

    Raises:
        ConversionError: listing keys that belong to none of its modules.
    """
    converted = convert(state_dict, RULES, 'DilatedNet (fyu/dilation)')
    if not wrapped:
        return converted
    return {re.sub(r'^backbone\.', 'backbone.net.', key): value for key, value in converted.items()}
