"""From the released PANet checkpoints to this package's configs.

Original (MIT): https://github.com/ShuLiu1993/PANet/tree/f055f716a21896dab8907c46c12e216323baefdb , built on
Detectron.pytorch.  What changes besides the names:

* class 0 is background there; here it is the last score, and boxes and masks have no background slot;
* the backbone's batch norm is folded into a frozen scale and shift: it becomes a batch norm with mean 0 and
  variance 1 - eps, so that sqrt(variance + eps) is 1;
* pyramid modules count from the coarsest level in the top-down part and from the finest in the bottom-up part; here
  all count from the finest.

What the config, not the weights, must reproduce: RoIAlign ``aligned=False`` with 2 samples, widths counted x2 - x1 + 1
(``InclusiveDeltaXYWHBBoxCoder``), rounded anchors, stds (.1, .1, .2, .2) = the original's box weights (10, 10, 5, 5),
BGR input, the stride of a bottleneck on its first convolution (``style='caffe'``).

The channels of the RPN need no reordering: both sides order anchors by ratio .5, 1, 2 (one size per level) and deltas
as dx, dy, dw, dh, anchor by anchor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from .state_dict_rules import PARAM, Rule, Tensors, convert

NUM_LEVELS = 4
BN_EPS = 1e-5
BACKBONE = r'Conv_Body\.conv_body\.'
BBOX_HEAD = 'roi_head.bbox_head.'
MASK_HEAD = 'roi_head.mask_head.'


def background_last(tensor: Tensor) -> Tensor:
    """Move the first row (background) after the others: (K + 1, ...) -> (K + 1, ...)."""
    return torch.roll(tensor, -1, 0)


def _backbone_name(match: re.Match) -> str:
    """``res1.conv1`` -> ``backbone.conv1``, ``res2.0.conv1`` -> ``backbone.layer1.0.conv1``."""
    stage = int(match['stage'])
    if stage == 1:
        return f'backbone.{match["layer"]}'
    return f'backbone.layer{stage - 1}.{match["layer"]}'


def _backbone_conv(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'{_backbone_name(match)}.weight': tensor}


def _backbone_affine(match: re.Match, tensor: Tensor) -> Tensors:
    """Scale and shift of a frozen norm; the statistics are made with the scale."""
    name = _backbone_name(match)
    if match['param'] == 'bias':
        return {f'{name}.bias': tensor}
    return {
        f'{name}.weight': tensor,
        f'{name}.running_mean': torch.zeros_like(tensor),
        f'{name}.running_var': torch.full_like(tensor, 1 - BN_EPS),
        f'{name}.num_batches_tracked': torch.tensor(0),
    }


def _block(prefix: str, index: int, part: str, param: str, names: tuple[str, str] = ('conv', 'gn')) -> str:
    """Name inside a layer + norm block; ``part`` is the original's position in its ``Sequential``."""
    return f'{prefix}{index}.{names[int(part) % 3]}.{param}'


def _pyramid(pattern: str, prefix: str, coarsest: int | None) -> Rule:
    """Rule for a list of pyramid modules; ``coarsest`` is our index of their 0th, ``None`` = the same order."""

    def handler(match: re.Match, tensor: Tensor) -> Tensors:
        index = int(match['i']) if coarsest is None else coarsest - int(match['i'])
        return {_block(prefix, index, match['part'], match['param']): tensor}

    return Rule(rf'Conv_Body\.{pattern}\.(?P<part>[01])\.{PARAM}', handler)


def _stack(pattern: str, prefix: str, first: int) -> Rule:
    """Rule for conv, norm, ReLU triples in one ``Sequential``: position 3 k + part -> block ``first + k``."""

    def handler(match: re.Match, tensor: Tensor) -> Tensors:
        position = int(match['i'])
        return {_block(prefix, first + position // 3, str(position % 3), match['param']): tensor}

    return Rule(rf'{pattern}\.(?P<i>\d+)\.{PARAM}', handler)


def _blocks(pattern: str, prefix: str, names: tuple[str, str] = ('conv', 'gn')) -> Rule:
    """Rule for a layer + norm block, or one per level when ``pattern`` captures ``i``."""

    def handler(match: re.Match, tensor: Tensor) -> Tensors:
        name = names[int(match['part'])]
        level = f'{match["i"]}.' if 'i' in match.re.groupindex else ''
        return {f'{prefix}{level}{name}.{match["param"]}': tensor}

    return Rule(rf'{pattern}\.(?P<part>[01])\.{PARAM}', handler)


def _boxes(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'{BBOX_HEAD}fc_reg.{match["param"]}': tensor[4:].clone()}


def _scores(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'{BBOX_HEAD}fc_cls.{match["param"]}': background_last(tensor)}


def _masks(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'{MASK_HEAD}conv_logits.{match["param"]}': tensor[1:].clone()}


FC = ('linear', 'norm')
RULES = [
    Rule(BACKBONE + r'res(?P<stage>1)\.(?P<layer>conv1)\.weight', _backbone_conv),
    Rule(BACKBONE + r'res(?P<stage>1)\.(?P<layer>bn1)\.' + PARAM, _backbone_affine),
    Rule(BACKBONE + r'res(?P<stage>[2-5])\.(?P<layer>\d+\.(?:conv[123]|downsample\.0))\.weight', _backbone_conv),
    Rule(BACKBONE + r'res(?P<stage>[2-5])\.(?P<layer>\d+\.(?:bn[123]|downsample\.1))\.' + PARAM, _backbone_affine),
    _blocks(r'Conv_Body\.conv_top', f'neck.lateral_convs.{NUM_LEVELS - 1}.'),
    _pyramid(r'topdown_lateral_modules\.(?P<i>[0-2])\.conv_lateral', 'neck.lateral_convs.', NUM_LEVELS - 2),
    _pyramid(r'posthoc_modules\.(?P<i>[0-3])', 'neck.fpn_convs.', NUM_LEVELS - 1),
    _pyramid(r'panet_buttomup_conv1_modules\.(?P<i>[0-2])', 'neck.downsample_convs.', None),
    _pyramid(r'panet_buttomup_conv2_modules\.(?P<i>[0-2])', 'neck.upper_convs.', None),
    Rule(r'RPN\.FPN_RPN_conv\.' + PARAM, r'rpn_head.rpn_conv.\g<param>'),
    Rule(r'RPN\.FPN_RPN_cls_score\.' + PARAM, r'rpn_head.rpn_cls.\g<param>'),
    Rule(r'RPN\.FPN_RPN_bbox_pred\.' + PARAM, r'rpn_head.rpn_reg.\g<param>'),
    _blocks(r'Box_Head\.conv1_head\.(?P<i>[0-3])', f'{BBOX_HEAD}fusion.levels.'),
    _blocks(r'Box_Head\.fc1\.(?P<i>[0-3])', f'{BBOX_HEAD}fusion.levels.', FC),
    _stack(r'Box_Head\.convs', f'{BBOX_HEAD}convs.', 0),
    Rule(r'Box_Head\.fc\.' + PARAM, rf'{BBOX_HEAD}fcs.0.linear.\g<param>'),
    _blocks(r'Box_Head\.fc2', f'{BBOX_HEAD}fcs.0.', FC),
    Rule(r'Box_Outs\.cls_score\.' + PARAM, _scores),
    Rule(r'Box_Outs\.bbox_pred\.' + PARAM, _boxes),
    _blocks(r'Mask_Head\.mask_conv1\.(?P<i>[0-3])', f'{MASK_HEAD}convs.0.levels.'),
    _stack(r'Mask_Head\.conv_fcn', f'{MASK_HEAD}convs.', 1),
    _blocks(r'Mask_Head\.mask_conv4', f'{MASK_HEAD}convs.3.'),
    _blocks(r'Mask_Head\.mask_conv4_fc', f'{MASK_HEAD}fc_branch.convs.0.'),
    _blocks(r'Mask_Head\.mask_conv5_fc', f'{MASK_HEAD}fc_branch.convs.1.'),
    Rule(r'Mask_Head\.mask_fc\.0\.' + PARAM, rf'{MASK_HEAD}fc_branch.fc.\g<param>'),
    Rule(r'Mask_Head\.upconv\.' + PARAM, rf'{MASK_HEAD}upsample.\g<param>'),
    Rule(r'Mask_Outs\.classify\.' + PARAM, _masks),
]


def convert_panet(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate the original's ``state_dict`` (or a part of it) to the keys of a detector of ``configs/panet``.

    Reads the group-norm variants: the neck, the 2fc and 4conv1fc box heads with adaptive feature pooling, the mask
    head with and without fully connected fusion.

    Raises:
        UserError: listing keys that belong to none of them.
    """
    return convert(state_dict, RULES, 'PANet (ShuLiu1993/PANet, group-norm variants)')
