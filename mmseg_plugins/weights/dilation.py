"""From DilatedNet's Caffe names to this package's.

Original: https://github.com/fyu/dilation/tree/0f105742e8c2202af12feb54374781ba55c3e112 (models/*_deploy.prototxt).
The input is a dict of tensors under Caffe's layer names, ``conv1_1.weight`` and so on, as dumps of
``.caffemodel`` files give them.  The front-end of VOC ends in ``fc-final``, its context layers are
``ct_*``; in the other models these are ``final`` and ``ctx_*`` (``ctx_final`` too).

What the config, not the weights, must reproduce: BGR input minus the data set's mean, margin 186, pools that round up.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import PARAM, Rule, Tensors, convert
from .vgg16 import caffe_conv_rule

RULES = [
    Rule(rf'(?P<layer>fc[67])\.{PARAM}', r'decode_head.\g<layer>.\g<param>'),
    Rule(rf'(?:fc-)?final\.{PARAM}', r'decode_head.score.\g<param>'),
    Rule(rf'ctx?_(?P<layer>conv[1-7]_[12]|fc1|final)\.{PARAM}', r'decode_head.context.\g<layer>.\g<param>'),
    Rule(r'(?:ctx_)?upsample\.weight', r'decode_head.upsample.weight'),
]


def convert_dilation(state_dict: Mapping[str, Tensor], wrapped: bool = True) -> Tensors:
    """Translate the original's tensors (whole, or a part) to the keys of a segmentor of ``VGG`` and ``DilationHead``.

    Args:
        wrapped: The network stands in ``MirrorMargin``, as in ``configs/dilation``.

    Raises:
        UserError: listing keys that belong to none of its modules.
    """
    trunk = caffe_conv_rule('backbone.net.' if wrapped else 'backbone.')
    return convert(state_dict, [trunk, *RULES], 'DilatedNet (fyu/dilation)')
