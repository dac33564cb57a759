"""From the released PSENet checkpoints to this package's configs.

Original (Apache 2.0): https://github.com/whai362/PSENet/tree/5a42734dc56df42b7192494933ea8fcb3f486494

Only names change.  What the config, not the weights, must reproduce: the ResNet of three 3x3 convolutions in the stem
with 128 channels after it (``ResNet(deep_stem=True, stem_channels=128)``), RGB input, test at the input's resolution.

Names as in models/backbone/resnet.py, models/neck/fpn.py and models/head/psenet_head.py.  Checkpoints of training runs
carry ``module.`` before every name (DataParallel).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .deep_stem_resnet import stem_conv, stem_norm
from .state_dict_rules import NORM_PARAM, PARAM, WRAPPED, Handler, Rule, Tensors, convert


def _backbone(handler: Handler) -> Handler:
    """The same handler with the backbone's prefix."""
    return lambda match, tensor: {f'backbone.{name}': value for name, value in handler(match, tensor).items()}


def _pyramid(prefix: str, name: str) -> Rule:
    """Rule for ``name``1 (coarsest) .. 3: ours count from the finest."""

    def handler(match: re.Match, tensor: Tensor) -> Tensors:
        return {f'neck.{prefix}.{3 - int(match["i"])}.{match["part"]}.{match["param"]}': tensor}

    return Rule(rf'{WRAPPED}fpn\.{name}(?P<i>[123])_\.(?P<part>conv|bn)\.{NORM_PARAM}', handler)


RULES = [
    Rule(rf'{WRAPPED}backbone\.conv(?P<i>[123])\.weight', _backbone(stem_conv)),
    Rule(rf'{WRAPPED}backbone\.bn(?P<i>[123])\.{NORM_PARAM}', _backbone(stem_norm)),
    Rule(rf'{WRAPPED}backbone\.(?P<layer>layer[1-4]\.\d+\.(?:conv[123]|bn[123]|downsample\.[01]))\.{NORM_PARAM}',
         r'backbone.\g<layer>.\g<param>'),
    Rule(rf'{WRAPPED}fpn\.toplayer_\.(?P<part>conv|bn)\.{NORM_PARAM}', r'neck.lateral_convs.3.\g<part>.\g<param>'),
    _pyramid('lateral_convs', 'latlayer'),
    _pyramid('smooth_convs', 'smooth'),
    Rule(rf'{WRAPPED}det_head\.conv1\.{PARAM}', r'mask_head.conv.\g<param>'),
    Rule(rf'{WRAPPED}det_head\.bn1\.{NORM_PARAM}', r'mask_head.norm.\g<param>'),
    Rule(rf'{WRAPPED}det_head\.conv2\.{PARAM}', r'mask_head.kernels.\g<param>'),
]


def convert_psenet(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate the original's ``state_dict`` (or a part of it) to the keys of ``configs/psenet``'s detector.

    Raises:
        UserError: listing keys that belong to none of its modules.
    """
    return convert(state_dict, RULES, 'PSENet (whai362/PSENet)')
