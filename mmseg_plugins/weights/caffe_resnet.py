"""From Caffe's ImageNet ResNets (MSRA) as Detectron packs them, to mmdet's ResNet with ``style='caffe'``.

Files: ``ImageNetPretrained/MSRA/R-50.pkl`` and ``R-101.pkl`` of Detectron and detectron2, pickled dicts of arrays.
Names as in https://github.com/facebookresearch/detectron2/blob/31542d62eabaef2cbce5092bf79287ecce2459ab/detectron2/checkpoint/c2_model_loading.py

Detectron2's files hold whole batch norms (``bn_gamma``, ``bn_beta``, ``bn_running_mean``, ``bn_running_var``),
Detectron's the same folded into a scale and a shift (``bn_s``, ``bn_b``): those become norms of mean 0 and variance
1 - eps, which compute scale * x + shift.  ``conv1_b`` is left out, as in both programs: their first convolution has no
bias.

What the config must reproduce: the stride in the first 1 x 1 convolution of a block (``style='caffe'``), norms that
stay as they are, and pixels in BGR, 0 to 255, minus (103.53, 116.28, 123.675): the standard deviation lies in the first
convolution.  With ``rgb`` the first convolution is turned round for pixels in RGB, which FCIS reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from .resnet_names import with_batch_counts
from .state_dict_rules import Rule, Tensors, convert

EPS = 1e-5  # of the batch norms
LAYERS = {'branch1': 'downsample.{}', 'branch2a': '{}1', 'branch2b': '{}2', 'branch2c': '{}3'}
PARAMS = {
    's': 'weight', 'b': 'bias', 'gamma': 'weight', 'beta': 'bias', 'running_mean': 'running_mean',
    'running_var': 'running_var'}  # fmt: skip
NORM = rf'bn_(?P<param>{"|".join(PARAMS)})'
BLOCK = r'res(?P<stage>[2-5])_(?P<block>\d+)_(?P<branch>branch1|branch2[abc])'


def _layer(match: re.Match, kind: str) -> str:
    """Our name of a convolution (``conv``) or norm (``bn``) in a block."""
    layer = LAYERS[match['branch']].format({'conv': 0, 'bn': 1}[kind] if match['branch'] == 'branch1' else kind)
    return f'layer{int(match["stage"]) - 1}.{match["block"]}.{layer}'


RULES = [
    Rule(r'conv1_w', 'conv1.weight'),
    Rule(rf'res_conv1_{NORM}', lambda match, tensor: {f'bn1.{PARAMS[match["param"]]}': tensor}),
    Rule(rf'{BLOCK}_w', lambda match, tensor: {f'{_layer(match, "conv")}.weight': tensor}),
    Rule(rf'{BLOCK}_{NORM}', lambda match, tensor: {f'{_layer(match, "bn")}.{PARAMS[match["param"]]}': tensor}),
]


def convert_caffe_resnet(arrays: Mapping[str, Tensor], *, rgb: bool = False) -> Tensors:
    """Translate Detectron's arrays to the keys of ``mmdet.ResNet``, without classifier (see the table).

    Args:
        arrays: Detectron's.
        rgb: Turn the channels of the first convolution round, for pixels in RGB.

    Raises:
        UserError: listing keys that the network does not have.
    """
    converted = convert(arrays, RULES, "Detectron's ResNet of MSRA")
    for name, scale in list(converted.items()):
        if re.search(r'(?:bn\d|downsample\.1)\.weight$', name):
            norm = name.removesuffix('weight')
            converted.setdefault(f'{norm}running_mean', torch.zeros_like(scale))
            converted.setdefault(f'{norm}running_var', torch.ones_like(scale) - EPS)
    if rgb and 'conv1.weight' in converted:
        converted['conv1.weight'] = converted['conv1.weight'].flip(1)
    return with_batch_counts(converted)
