"""From the ImageNet ResNets with three 3 x 3 convolutions in the stem to the hosts' ``ResNet(deep_stem=True)``.

Files: ``resnet50-imagenet.pth`` and ``resnet101-imagenet.pth``, from which PSENet and many PSPNets start, of
https://github.com/CSAILVision/semantic-segmentation-pytorch .  The stem has 64, 64 and 128 channels
(``stem_channels=128``); images are RGB with ImageNet's mean and standard deviation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .resnet_names import LAYER, with_batch_counts
from .state_dict_rules import NORM_PARAM, Rule, Tensors, convert


def stem_conv(match: re.Match, tensor: Tensor) -> Tensors:
    """``conv1..3`` -> positions 0, 3, 6 of the stem."""
    return {f'stem.{3 * (int(match["i"]) - 1)}.weight': tensor}


def stem_norm(match: re.Match, tensor: Tensor) -> Tensors:
    """``bn1..3`` -> positions 1, 4, 7 of the stem."""
    return {f'stem.{3 * (int(match["i"]) - 1) + 1}.{match["param"]}': tensor}


RULES = [
    Rule(r'conv(?P<i>[123])\.weight', stem_conv),
    Rule(rf'bn(?P<i>[123])\.{NORM_PARAM}', stem_norm),
    Rule(rf'(?P<stage>layer[1-4])\.(?P<i>\d+)\.{LAYER}\.{NORM_PARAM}', r'\g<stage>.\g<i>.\g<layer>.\g<param>'),
]


def convert_deep_stem_resnet(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate the ``state_dict`` to the keys of the hosts' ResNet, without classifier (see the table).

    Raises:
        UserError: listing keys that the network does not have.
    """
    return with_batch_counts(convert(state_dict, RULES, 'a ResNet with three convolutions in the stem'))
