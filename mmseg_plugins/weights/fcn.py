"""From FCN checkpoints under Caffe's blob names to this package's FCN, and from VGG classifiers to its trunk.

Originals: https://github.com/shelhamer/fcn.berkeleyvision.org/tree/1305c7378a9f0ab44b2c936f4d60e4687e3d8743 (Caffe) and
https://github.com/wkentaro/pytorch-fcn/tree/4b988509bfd1a613d5e8482595a1c6654047d69b (the same names in torch).

Only names change.  What the config, not the weights, must reproduce: BGR input in 0..255 minus the mean, whole images,
``padding=100``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from mmseg_plugins.models.backbones.fcn_vgg import FC_KERNEL, fc_as_conv

from .state_dict_rules import Rule, Tensors, convert

VGG16_CONVS = dict(zip(
    ('1_1', '1_2', '2_1', '2_2', '3_1', '3_2', '3_3', '4_1', '4_2', '4_3', '5_1', '5_2', '5_3'),
    (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), strict=True))
PARAM = r'(?P<param>weight|bias)'


def caffe_vgg16_rules(prefix: str) -> list[Rule]:
    """Rules for ``conv1_1`` .. ``fc7`` of an :class:`FCNVGG` whose names begin with ``prefix``."""

    def conv(match: re.Match, tensor: Tensor) -> Tensors:
        return {f'{prefix}features.{VGG16_CONVS[match["conv"]]}.{match["param"]}': tensor}

    return [
        Rule(rf'conv(?P<conv>{"|".join(VGG16_CONVS)})\.{PARAM}', conv),
        Rule(rf'(?P<fc>fc[67])\.{PARAM}', rf'{prefix}\g<fc>.\g<param>'),
    ]


def fcn_head_rules(prefix: str) -> list[Rule]:
    """Rules for the classifiers and deconvolutions of FCN-32s, 16s and 8s."""
    layers = 'score_fr|score_pool[34]|upscore|upscore2|upscore16|upscore8|upscore_pool4'
    return [Rule(rf'(?P<layer>{layers})\.{PARAM}', rf'{prefix}\g<layer>.\g<param>')]


def convert_fcn(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate an FCN's ``state_dict`` (or a part of it) to the keys of ``configs/fcn``'s segmentors.

    The result has ``backbone.net.*`` (:class:`FCNVGG` inside :class:`WithImage`) and ``decode_head.*``.

    Raises:
        ConversionError: listing keys that belong to none of its modules.
    """
    rules = [*caffe_vgg16_rules('backbone.net.'), *fcn_head_rules('decode_head.')]
    return convert(state_dict, rules, 'FCN (Caffe blob names, as in wkentaro/pytorch-fcn)')


def convert_vgg16(state_dict: Mapping[str, Tensor]) -> tuple[Tensors, list[str]]:
    """Make weights for :class:`FCNVGG` from those of an ImageNet classifier.

    Args:
        state_dict: Of VGG-16 under torchvision's names (``features.0``, ``classifier.0``) or Caffe's (``conv1_1``,
            ``fc6``); fully connected weights may be matrices.

    Returns:
        The weights, and the names that are left out: the last layer, ImageNet's classes.

    Raises:
        ConversionError: listing keys of other networks.
    """

    def fc(match: re.Match, tensor: Tensor) -> Tensors:
        name = {'classifier.0': 'fc6', 'classifier.3': 'fc7'}.get(match['fc'], match['fc'])
        return {f'{name}.{match["param"]}': fc_as_conv(tensor, FC_KERNEL if name == 'fc6' else 1)}

    last = re.compile(rf'(?:classifier\.6|fc8)\.{PARAM}')
    positions = '|'.join(map(str, VGG16_CONVS.values()))
    rules = [
        caffe_vgg16_rules('')[0],
        Rule(rf'(?P<layer>features\.(?:{positions}))\.{PARAM}', r'\g<layer>.\g<param>'),
        Rule(rf'(?P<fc>classifier\.[03]|fc[67])\.{PARAM}', fc),
    ]
    left_out = [key for key in state_dict if last.fullmatch(key)]
    kept = {key: tensor for key, tensor in state_dict.items() if key not in left_out}
    return convert(kept, rules, "VGG-16 (torchvision's or Caffe's names)"), left_out
