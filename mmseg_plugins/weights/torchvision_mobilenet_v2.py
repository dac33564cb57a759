"""From torchvision's MobileNetV2 (ImageNet) to mmseg's, which names its layers otherwise, and to the expanded one.

torchvision names: https://github.com/pytorch/vision , models/mobilenetv2.py.  ``features.1`` has no expansion; the
network of Light-Weight RefineNet has one.  Its input lies in 0..6 (it comes from ReLU6), so that a 1 x 1 identity with
an identical batch norm and ReLU6 leaves it as it is: the expanded network computes what torchvision's does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from .resnet_names import with_batch_counts
from .state_dict_rules import NORM_PARAM, Rule, Tensors, convert

BLOCKS = (1, 2, 3, 4, 3, 3, 1)  # of mmseg's layers 1 to 7
#: features.N -> mmseg's layer and block.
PLACES = {
    1 + sum(BLOCKS[:layer]) + block: f'layer{layer + 1}.{block}' for layer, count in enumerate(BLOCKS)
    for block in range(count)
}
EPS = 1e-5  # of the batch norms


def _part(number: str) -> str:
    return ('conv', 'bn')[int(number)]


def _rules(shift: int) -> list[Rule]:
    """``shift`` is 1 where the first block has an expansion in front."""

    def place(match: re.Match, index: int, part: str, param: str) -> str:
        feature = int(match['n'])
        return f'{PLACES[feature]}.conv.{index + (shift if feature == 1 else 0)}.{part}.{param}'

    def inner(match: re.Match, tensor: Tensor) -> Tensors:
        return {place(match, int(match['j']), _part(match['part']), match['param']): tensor}

    def project(match: re.Match, tensor: Tensor) -> Tensors:
        index = 1 if match['n'] == '1' else 2
        part = ('conv', 'bn')[int(match['j']) - index]
        return {place(match, index, part, match['param']): tensor}

    def stem(match: re.Match, tensor: Tensor) -> Tensors:
        return {f'conv1.{_part(match["part"])}.{match["param"]}': tensor}

    blocks = r'features\.(?P<n>[1-9]|1[0-7])\.conv\.(?P<j>\d)'
    return [
        Rule(rf'features\.0\.(?P<part>[01])\.{NORM_PARAM}', stem),
        Rule(rf'{blocks}\.(?P<part>[01])\.{NORM_PARAM}', inner),
        Rule(rf'{blocks}\.{NORM_PARAM}', project),
    ]


def convert_torchvision_mobilenet_v2(state_dict: Mapping[str, Tensor], *, expanded: bool) -> Tensors:
    """Translate torchvision's ``state_dict`` to the keys of ``mmseg.MobileNetV2``, without classifier (see the table).

    Args:
        expanded: For ``mmseg_plugins.ExpandedMobileNetV2``: adds an identity as its first expansion.

    Raises:
        UserError: listing keys that torchvision's network does not have.
    """
    converted = convert(state_dict, _rules(int(expanded)), "torchvision's MobileNetV2")
    if expanded:
        channels = converted['conv1.conv.weight'].shape[0]
        first = f'{PLACES[1]}.conv.0'
        converted[f'{first}.conv.weight'] = torch.eye(channels)[:, :, None, None]
        converted[f'{first}.bn.weight'] = torch.full((channels, ), (1 + EPS)**0.5)
        converted[f'{first}.bn.bias'] = torch.zeros(channels)
        converted[f'{first}.bn.running_mean'] = torch.zeros(channels)
        converted[f'{first}.bn.running_var'] = torch.ones(channels)
    return with_batch_counts(converted)
