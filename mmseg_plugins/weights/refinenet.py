"""From the PyTorch ports of RefineNet and Light-Weight RefineNet to this package's configs.

Originals (BSD, non-commercial):
https://github.com/DrSleep/refinenet-pytorch/tree/8f25c076016e61a835551493aae303e81cf36c53 (``rf101``) and
https://github.com/DrSleep/light-weight-refinenet/tree/538fe8b39327d8343763b859daf7b9d03a05396e (``rf_lw50``,
``rf_lw101``, ``rf_lw152``, ``mbv2``).

Only names change.  The ports count stages from the coarsest, stride 32, which is stage 1 there and block 3 here:

    p_ims1d2_outl{s}_dimred                       blocks[4 - s].reduce[0]
    adapt_stage{s}_b.0.{i}_conv                   blocks[4 - s].before[i - 1].conv1
    adapt_stage{s}_b.0.{i}_conv_relu_varout_dimred                        .conv2
    adapt_stage{s}_b2_joint_varout_dimred         blocks[4 - s].adapt         (s = 2, 3, 4)
    mflow_conv_g{s}_pool.0.{i}_outvar_dimred      blocks[4 - s].pooling.convs[i - 1]
    mflow_conv_g{s}_b.0.{i}_conv...               blocks[4 - s].after[i - 1]
    mflow_conv_g{s}_b3_joint_varout_dimred        blocks[4 - s].out           (s = 1, 2, 3)
    clf_conv                                      classifier

The authors' MATLAB networks name their layers alike (the ports took the names over); MATLAB files themselves are not
read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .resnet_names import resnet_rules, with_batch_counts
from .state_dict_rules import NORM_PARAM, PARAM, Rule, Tensors, convert

BLOCKS = 'decode_head.cascade.blocks.'
UNIT_CONVS = {'_conv': 'conv1', '_conv_relu_varout_dimred': 'conv2'}
#: MobileNetV2's stages conv3 .. conv8 -> block and place in it.
MBV2_REDUCE = {3: (0, 0), 4: (1, 0), 5: (2, 0), 6: (2, 1), 7: (3, 0), 8: (3, 1)}


def _block(match: re.Match, name: str) -> str:
    return f'{BLOCKS}{4 - int(match["stage"])}.{name}'


def _whole(name: str, pattern: str) -> Rule:
    """A convolution without bias of a stage."""

    def handler(match: re.Match, tensor: Tensor) -> Tensors:
        return {_block(match, f'{name}.conv.weight'): tensor}

    return Rule(pattern, handler)


def _units(name: str, pattern: str) -> Rule:
    """A row of residual convolution units."""

    def handler(match: re.Match, tensor: Tensor) -> Tensors:
        conv = UNIT_CONVS[match['conv']]
        return {_block(match, f'{name}.{int(match["i"]) - 1}.{conv}.conv.{match["param"]}'): tensor}

    return Rule(pattern + rf'\.0\.(?P<i>\d+)(?P<conv>_conv|_conv_relu_varout_dimred)\.{PARAM}', handler)


def _pooling(match: re.Match, tensor: Tensor) -> Tensors:
    return {_block(match, f'pooling.convs.{int(match["i"]) - 1}.conv.weight'): tensor}


RESNET_RULES = [
    *resnet_rules('backbone.'),
    _whole('reduce.0', r'p_ims1d2_outl(?P<stage>[1-4])_dimred\.weight'),
    _whole('adapt', r'adapt_stage(?P<stage>[2-4])_b2_joint_varout_dimred\.weight'),
    _whole('out', r'mflow_conv_g(?P<stage>[1-3])_b3_joint_varout_dimred\.weight'),
    _units('before', r'adapt_stage(?P<stage>[1-4])_b'),
    _units('after', r'mflow_conv_g(?P<stage>[1-4])_b'),
    Rule(r'mflow_conv_g(?P<stage>[1-4])_pool\.0\.(?P<i>\d+)_outvar_dimred\.weight', _pooling),
    Rule(rf'clf_conv\.{PARAM}', r'decode_head.classifier.\g<param>'),
]


def _mbv2_stem(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'backbone.conv1.{("conv", "bn")[int(match["part"])]}.{match["param"]}': tensor}


def _mbv2_layer(match: re.Match, tensor: Tensor) -> Tensors:
    part = ('conv', 'bn')[int(match['part'])]
    layer = int(match['layer']) - 1
    return {f'backbone.layer{layer}.{match["i"]}.conv.{match["j"]}.{part}.{match["param"]}': tensor}


def _mbv2_reduce(match: re.Match, tensor: Tensor) -> Tensors:
    block, place = MBV2_REDUCE[int(match['layer'])]
    return {f'{BLOCKS}{block}.reduce.{place}.conv.weight': tensor}


def _mbv2_pooling(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'{BLOCKS}{int(match["stage"]) - 1}.pooling.convs.{int(match["i"]) - 1}.conv.weight': tensor}


def _mbv2_out(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'{BLOCKS}{int(match["stage"]) - 1}.out.conv.weight': tensor}


MBV2_RULES = [
    Rule(rf'layer1\.(?P<part>[01])\.{NORM_PARAM}', _mbv2_stem),
    Rule(rf'layer(?P<layer>[2-8])\.(?P<i>\d+)\.output\.(?P<j>[012])\.(?P<part>[01])\.{NORM_PARAM}', _mbv2_layer),
    Rule(r'conv(?P<layer>[3-8])\.weight', _mbv2_reduce),
    Rule(r'crp(?P<stage>[1-4])\.0\.(?P<i>\d+)_outvar_dimred\.weight', _mbv2_pooling),
    Rule(r'conv_adapt(?P<stage>[2-4])\.weight', _mbv2_out),
    Rule(rf'segm\.{PARAM}', r'decode_head.classifier.\g<param>'),
]


def convert_refinenet(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate a port's ``state_dict`` (or a part of it) to the keys of a segmentor of ``configs/refinenet``.

    Reads ``rf101`` and ``rf_lw50``, ``rf_lw101``, ``rf_lw152`` (one set of names) and ``mbv2``, told apart by names
    that only the latter has; ``module.`` of DataParallel is taken off.  Batch counters that old files lack become 0.

    Raises:
        UserError: listing keys that belong to none of them.
    """
    plain = {key.removeprefix('module.'): value for key, value in state_dict.items()}
    mobile = any(key.startswith(('segm.', 'layer1.0.weight', 'crp', 'conv_adapt')) for key in plain)
    if mobile:
        return with_batch_counts(convert(plain, MBV2_RULES, 'Light-Weight RefineNet with MobileNetV2 (DrSleep)'))
    return with_batch_counts(convert(plain, RESNET_RULES, 'RefineNet or Light-Weight RefineNet (DrSleep)'))
