"""From the released CRF-RNN checkpoint to this package's FCN-8s with a CRF-RNN layer.

Original: https://github.com/sadeepj/crfasrnn_pytorch/tree/24899c528981dfbc14f1212869a3eae328dc6570, whose
``crfasrnn_weights.pth`` was translated from the authors' Caffe model.  Only names change.  What the config must
reproduce: BGR input in 0..255 minus the mean (the kernel of colors sees it so), padding 100, the bias of ``upscore2``.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .fcn import caffe_vgg16_rules, fcn_head_rules
from .state_dict_rules import Rule, Tensors, convert

MATRICES = 'spatial_ker_weights|bilateral_ker_weights|compatibility_matrix'


def convert_crfrnn(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate CRF-RNN's ``state_dict`` (or a part of it) to the keys of ``configs/crf``'s segmentor.

    The result has ``backbone.net.*``, ``decode_head.head.*`` and ``decode_head.crfrnn.*``.

    Raises:
        UserError: listing keys that belong to none of its modules.
    """
    rules = [
        *caffe_vgg16_rules('backbone.net.'),
        *fcn_head_rules('decode_head.head.'),
        Rule(rf'crfrnn\.(?P<matrix>{MATRICES})', r'decode_head.crfrnn.\g<matrix>'),
    ]
    return convert(state_dict, rules, 'CRF-RNN (sadeepj/crfasrnn_pytorch)')
