"""From meetps' SegNet checkpoints to this package's SegNet.

Original (MIT): https://github.com/meetps/pytorch-semseg/tree/801fb200547caa5b0d91b8dde56b837da029f746

Only names change.  What the config, not the weights, must reproduce: pools that round down (``ceil_mode=False``), norm
and ReLU after the last convolution (``last_norm_act=True``), eps 1e-5.  The same names without the last norm are the
paper's network (``last_norm_act=False``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import NORM_PARAM, WRAPPED, Rule, Tensors, convert
from .vgg16 import position

UNIT = rf'cbr_unit\.(?P<part>[01])\.{NORM_PARAM}'
PARTS = {'0': 'conv', '1': 'bn'}


def _down(match: re.Match, tensor: Tensor) -> Tensors:
    """``down2.conv1.cbr_unit.1`` -> the norm of the first convolution of stage 2."""
    place = position(int(match['stage']), int(match['conv'])) + int(match['part'])
    return {f'backbone.net.features.{place}.{match["param"]}': tensor}


def _up(match: re.Match, tensor: Tensor) -> Tensors:
    """``up5.conv1`` -> the first layer of the first block; ``up1.conv2`` is the classifier."""
    stage, conv = int(match['stage']), int(match['conv'])
    where = 'classifier.0' if (stage, conv) == (1, 2) else f'decoder.blocks.{5 - stage}.{conv - 1}'
    return {f'decode_head.{where}.{PARTS[match["part"]]}.{match["param"]}': tensor}


RULES = [
    Rule(rf'{WRAPPED}down(?P<stage>[1-5])\.conv(?P<conv>[12]|(?<=[345]\.conv)3)\.{UNIT}', _down),
    Rule(rf'{WRAPPED}up(?P<stage>[1-5])\.conv(?P<conv>[12]|(?<=[345]\.conv)3)\.{UNIT}', _up),
]


def convert_segnet(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate the original's ``state_dict`` to the keys of ``WithImage(net=SegNetEncoder)`` and ``SegNetHead``.

    Raises:
        UserError: listing keys that belong to neither.
    """
    return convert(state_dict, RULES, 'SegNet (meetps/pytorch-semseg)')
