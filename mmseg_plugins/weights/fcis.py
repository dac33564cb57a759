"""From the two released FCIS implementations to this package's FCIS head.

Original (MIT): https://github.com/msracver/FCIS/tree/309f6c9a1669bf05a955b66519a807951e70197f , names as in its
``.params`` files without ``arg:``; chainercv (MIT):
https://github.com/chainer/chainercv/tree/7159616642e0be7c5b3ef380b848e16b7e99355b , names as in its ``.npz`` files.

Both keep the channels of the score maps as this package does, ((2 class + side) k + row) k + column, class 0
background, side 0 outside.  chainercv orders box deltas dy, dx, dh, dw; here as in the original dx, dy, dw, dh.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from torch import Tensor

from mmseg_plugins.utils.errors import UserError

from .state_dict_rules import Rule, Tensors, convert

SCORE_MAPS = 'roi_head.score_maps.'
GROUP_SIZE = 7  # k of chainercv's released weights
CHAINER_PARAM = dict(W='weight', b='bias')
Y_X_TO_X_Y = [1, 0, 3, 2]


def x_before_y(tensor: Tensor, group_size: int = GROUP_SIZE) -> Tensor:
    """Reorder box channels (8 k^2, ...) from dy, dx, dh, dw to dx, dy, dw, dh; 8 = background and object group."""
    cells = group_size**2
    if tensor.shape[0] % (4 * cells):
        raise ValueError(f'x_before_y: {tensor.shape[0]} channels are no multiple of 4 x {group_size} x {group_size}; '
                         'give the group_size of the head')
    parts = tensor.reshape(-1, 4, cells, *tensor.shape[1:])  # (8 k^2, ...) -> (2, 4, k^2, ...)
    return parts[:, Y_X_TO_X_Y].reshape(tensor.shape).contiguous()


def _chainer(match: re.Match, tensor: Tensor) -> Tensors:
    name = dict(conv1='conv', cls_seg='cls_seg')[match['layer']]
    return {f'{SCORE_MAPS}{name}.{CHAINER_PARAM[match["param"]]}': tensor}


def _chainer_boxes(match: re.Match, tensor: Tensor) -> Tensors:
    group_size = math.isqrt(len(tensor) // 8)
    if len(tensor) != 8 * group_size**2:
        raise UserError(
            f'{match[0]} has {len(tensor)} channels.',
            rule='8 k^2, two groups of four numbers for each of k x k cells.',
            fix='give a released checkpoint.',
        )
    return {f'{SCORE_MAPS}bbox.{CHAINER_PARAM[match["param"]]}': x_before_y(tensor, group_size)}


#: The six tensors of the head under the original's names.
MSRACVER_HEAD_RULES = [
    Rule(r'conv_new_1_(?P<param>weight|bias)', rf'{SCORE_MAPS}conv.\g<param>'),
    Rule(r'fcis_(?P<layer>cls_seg|bbox)_(?P<param>weight|bias)', rf'{SCORE_MAPS}\g<layer>.\g<param>'),
]
#: The same under chainercv's names.
CHAINERCV_HEAD_RULES = [
    Rule(r'head/(?P<layer>conv1|cls_seg)/(?P<param>[Wb])', _chainer),
    Rule(r'head/ag_loc/(?P<param>[Wb])', _chainer_boxes),
]


def convert_fcis_head(state_dict: Mapping[str, Tensor], convention: str) -> Tensors:
    """Translate the head's tensors to keys of a detector of ``configs/fcis``.

    Args:
        convention: ``'msracver'`` or ``'chainercv'``: whose names they are.

    Raises:
        UserError: listing keys that belong to no part of the head.
    """
    rules = dict(msracver=MSRACVER_HEAD_RULES, chainercv=CHAINERCV_HEAD_RULES)
    if convention not in rules:
        raise ValueError(f'convert_fcis_head: convention={convention!r}, it must be one of {sorted(rules)}')
    return convert(state_dict, rules[convention], f'the FCIS head of {convention}')
