"""From checkpoints of the PyTorch LinkNet to this package's configs.

Original (CC BY-NC): https://github.com/e-lab/pytorch-linknet/tree/99a7c81355ab0158a1aba7f78dcbd24569fc0c1e,
models/linknet.py: ``LinkNetBase`` (its own ResNet-18) and ``LinkNet`` (torchvision's residual blocks).

Only names change.  What the config, not the weights, must reproduce: batch norm with eps 1e-5 and no biases in the
blocks.  The original's log-softmax has no weights; it changes neither the arg-max nor the loss.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import NORM_PARAM, PARAM, WRAPPED, Rule, Tensors, convert

NET = 'backbone.net.'
RESIDUAL = r'conv[12]|bn[12]|downsample\.[01]'


def _own_block(match: re.Match, tensor: Tensor) -> Tensors:
    """``encoder2.block1`` -> block 0 of ``layer2``."""
    layer = f'layer{match["stage"]}.{int(match["block"]) - 1}.{match["part"]}'
    return {f'{NET}{layer}.{match["param"]}': tensor}


RULES = [
    Rule(rf'{WRAPPED}conv1\.weight', NET + 'conv1.weight'),
    Rule(rf'{WRAPPED}bn1\.{NORM_PARAM}', NET + r'bn1.\g<param>'),
    Rule(rf'{WRAPPED}in_block\.0\.weight', NET + 'conv1.weight'),
    Rule(rf'{WRAPPED}in_block\.1\.{NORM_PARAM}', NET + r'bn1.\g<param>'),
    Rule(rf'{WRAPPED}encoder(?P<stage>[1-4])\.block(?P<block>[12])\.(?P<part>{RESIDUAL})\.{NORM_PARAM}', _own_block),
    Rule(rf'{WRAPPED}encoder(?P<stage>[1-4])\.(?P<block>[01])\.(?P<part>{RESIDUAL})\.{NORM_PARAM}',
         NET + r'layer\g<stage>.\g<block>.\g<part>.\g<param>'),
    Rule(rf'{WRAPPED}(?P<layer>decoder[1-4]\.(?:conv1|tp_conv|conv2)\.[01])\.{NORM_PARAM}',
         r'decode_head.\g<layer>.\g<param>'),
    Rule(rf'{WRAPPED}(?P<layer>(?:tp_conv1|conv2)\.[01])\.{NORM_PARAM}', r'decode_head.\g<layer>.\g<param>'),
    Rule(rf'{WRAPPED}tp_conv2\.{PARAM}', r'decode_head.tp_conv2.\g<param>'),
]


def convert_linknet(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate the original's ``state_dict`` (or a part of it) to the keys of ``configs/linknet``'s segmentors.

    Raises:
        UserError: listing keys that belong to none of its modules, or to both of its classes.
    """
    return convert(state_dict, RULES, 'LinkNet (e-lab/pytorch-linknet)')
