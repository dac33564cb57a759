"""From PyTorch checkpoints of DeepLab v1 LargeFOV to the model of ``configs/deeplab/deeplabv1_vgg16-largefov_*``.

Two ports are read, whose numbers agree but for the dropout after fc6 (the second has none):
https://github.com/wangleihitcs/DeepLab-V1-PyTorch/blob/950b489c43d539acd585d5296ae2a5a90360cbb4/nets/vgg.py, one
sequence ``features``, and https://github.com/CoinCheung/Deeplab-Large-FOV/blob/d9fde31ceec99ca5acbbfe281718ce7884a0aa52/lib/model.py
(Apache 2.0), ``features`` and ``classifier``.  Both pool with rounding down and compute the loss at another place than
Caffe's net does only where a side is not 8k + 1.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import PARAM, WRAPPED, Rule, Tensors, convert
from .vgg16 import ANY_CONV

CLASSIFIER = {'fc6.0.conv': (32, 1), 'fc7.0.conv': (35, 3), 'fc8.0': (38, 6)}  # ours: in features, in classifier

RULES = [
    Rule(rf'{WRAPPED}features\.(?P<i>{ANY_CONV})\.{PARAM}', r'backbone.features.\g<i>.\g<param>'),
    *(Rule(rf'{WRAPPED}(?:features\.{one}|classifier\.{other})\.{PARAM}', rf'decode_head.{ours}.\g<param>')
      for ours, (one, other) in CLASSIFIER.items()),
]


def convert_largefov(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate a port's ``state_dict`` (or a part of it) to the keys of this package's segmentor.

    Raises:
        UserError: listing keys that belong to neither port.
    """
    return convert(state_dict, RULES, 'DeepLab v1 LargeFOV (wangleihitcs/DeepLab-V1-PyTorch, CoinCheung/'
                                      'Deeplab-Large-FOV)')
