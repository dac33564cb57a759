"""From DeepLab v2 ResNet-101 checkpoints of kazuto1011 to the models of ``configs/deeplab/deeplabv2_r101-*``.

Original (MIT): https://github.com/kazuto1011/deeplab-pytorch/tree/4219467fa5de07985f834f1bd8c04c186dc8f6d8 , whose
released files were converted from the authors' Caffe models (its convert.py), so that they want Caffe's input: BGR,
0 .. 255, mean subtracted.  Only names change.  What the config, not the weights, must reproduce: the stride in the
first 1 x 1 of a stage, the stem's pool that rounds up, dilations in every unit of a stage.

=============================  ==========================
theirs, below ``base.``        ours
=============================  ==========================
``layer1.conv1.conv``, ``bn``  ``conv1``, ``bn1``
``layerK.blockN.reduce``       ``layer(K-1).(N-1).conv1``
``conv3x3``, ``increase``      ``conv2``, ``conv3``
``shortcut``                   ``downsample``
``aspp.cI``                    ``decode_head.branches.I``
=============================  ==========================
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import NORM_PARAM, PARAM, WRAPPED, Rule, Tensors, convert

SOURCE = 'DeepLab v2 ResNet-101 (kazuto1011/deeplab-pytorch)'
BASE = WRAPPED + r'(?:base\.)?'
UNIT = {'reduce': 1, 'conv3x3': 2, 'increase': 3}


def _unit(match: re.Match, tensor: Tensor) -> Tensors:
    block = f'backbone.layer{int(match["layer"]) - 1}.{int(match["block"]) - 1}'
    part = ('conv' if match['kind'] == 'conv' else 'bn') + str(UNIT.get(match['part'], ''))
    if match['part'] == 'shortcut':
        part = 'downsample.0' if match['kind'] == 'conv' else 'downsample.1'
    return {f'{block}.{part}.{match["param"]}': tensor}


BACKBONE = [
    Rule(BASE + r'layer1\.conv1\.conv\.weight', 'backbone.conv1.weight'),
    Rule(BASE + rf'layer1\.conv1\.bn\.{NORM_PARAM}', r'backbone.bn1.\g<param>'),
    Rule(BASE + r'layer(?P<layer>[2-5])\.block(?P<block>\d+)\.(?P<part>reduce|conv3x3|increase|shortcut)\.'
         rf'(?P<kind>conv(?=\.weight$)|bn)\.{NORM_PARAM}', _unit),
]
CLASSIFIERS = Rule(BASE + rf'aspp\.c(?P<i>\d)\.{PARAM}', r'decode_head.branches.\g<i>.\g<param>')


def convert_deeplabv2(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate a whole model's ``state_dict`` (or a part of it) to the keys of this package's segmentor.

    Raises:
        UserError: listing keys that belong to none of its modules.
    """
    return convert(state_dict, [*BACKBONE, CLASSIFIERS], SOURCE)
