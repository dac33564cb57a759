"""From the released SOLO and SOLOv2 checkpoints to this package's configs (and to stock mmdet's, which name alike).

Original: https://github.com/WXinlong/SOLO/tree/f4cd03b9404e3bd84ca0be45966fb61d20d2efe6 , built on mmdet 1.0.  Only
names change: its class 0 is background and has no channel, so channel c is its class c + 1 and ours c; backbone and
neck keep their names.  The mask feature branch of SOLOv2 stands next to the head there and inside it here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import PARAM, Rule, Tensors, convert

HEAD = 'mask_head.'
FEATURES = f'{HEAD}mask_feature_head.'
# A convolution, its norm, or the offsets of a deformable one.
INNER = r'\.(?P<inner>conv\.conv_offset|conv|gn)\.' + PARAM


def _offset_name(match: re.Match, tensor: Tensor) -> Tensors:
    """``conv2_offset.weight`` of mmdet's first releases -> ``conv2.conv_offset.weight``."""
    return {f'backbone.{match["block"]}.conv_offset.{match["param"]}': tensor}


TOWERS = {'ins_convs': 'mask_convs', 'ins_convs_x': 'mask_convs_x', 'ins_convs_y': 'mask_convs_y',
          'cate_convs': 'cls_convs', 'kernel_convs': 'kernel_convs'}
OUTPUTS = {'solo_ins_list': 'conv_mask_list', 'dsolo_ins_list_x': 'conv_mask_list_x',
           'dsolo_ins_list_y': 'conv_mask_list_y'}
RULES = [
    *(Rule(rf'bbox_head\.{theirs}\.(?P<i>\d+){INNER}', rf'{HEAD}{ours}.\g<i>.\g<inner>.\g<param>')
      for theirs, ours in TOWERS.items()),
    *(Rule(rf'bbox_head\.{theirs}\.(?P<i>\d+)\.{PARAM}', rf'{HEAD}{ours}.\g<i>.\g<param>')
      for theirs, ours in OUTPUTS.items()),
    Rule(r'bbox_head\.d?solo_cate\.' + PARAM, rf'{HEAD}conv_cls.\g<param>'),
    Rule(r'bbox_head\.solo_kernel\.' + PARAM, rf'{HEAD}conv_kernel.\g<param>'),
    Rule(r'mask_feat_head\.convs_all_levels\.(?P<i>\d+)\.(?P<conv>conv\d+)' + INNER,
         rf'{FEATURES}convs_all_levels.\g<i>.\g<conv>.\g<inner>.\g<param>'),
    Rule(r'mask_feat_head\.conv_pred\.0' + INNER, rf'{FEATURES}conv_pred.\g<inner>.\g<param>'),
    Rule(r'backbone\.(?P<block>layer\d\.\d+\.conv2)_offset\.' + PARAM, _offset_name),
    Rule(r'(?P<name>backbone\.(?:(?!conv2_offset).)+)', r'\g<name>'),
    Rule(r'(?P<name>neck\.(?:lateral|fpn)_convs\.\d+\.conv\.(?:weight|bias))', r'\g<name>'),
]


def convert_solo(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate the original's ``state_dict`` (or a part of it) to the keys of a detector of ``configs/solo``.

    Reads SOLO, decoupled SOLO, decoupled light SOLO, SOLOv2 and its light variants, with and without deformable
    convolutions.

    Raises:
        UserError: listing keys that belong to none of them.
    """
    return convert(state_dict, RULES, 'SOLO or SOLOv2 (WXinlong/SOLO)')
