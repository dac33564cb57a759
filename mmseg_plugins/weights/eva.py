"""From the released files of EVA and EVA-02 to this package's models.

Original (MIT): https://github.com/baaivision/EVA/tree/5623d08bb08a8268c7bc18e1d9b8b4bd651fe4d9 .  Read here, each by a
row of the table: files of pre-training and classification of both (``*_pt_*``, ``*_ft_*``; patches of 14 px or resized
to 16), of detection (detectron2) and of segmentation (mmseg 0.x).

Names of the transformer are the original's.  Rotary tables are left out: they follow from the sizes.  Where the model
has another patch or another grid, the patch kernel and the absolute positions are resized bicubically (corners not
aligned, no antialiasing), and a model without class token loses its row of the positions: what the original's
fine-tuning does.  Relative positions, which pre-training does not have, start at 0, as in the original's detection.

Detection: one mask head serves the original's cascade.  mmdet has one at each stage; each gets a copy, which changes
no prediction.  What the config must reproduce: RGB, ImageNet's mean and standard deviation, layer norms of eps 1e-6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_plugins.utils.errors import UserError

from .state_dict_rules import PARAM, WRAPPED, Rule, Tensors, convert

STAGES = 3  # of the cascade
SOURCE = 'EVA or EVA-02 (baaivision/EVA)'
#: Scaling's last index of each level's 1 x 1 convolution in the original's Sequential.
FIRST_CONV = {2: 4, 3: 1, 4: 0, 5: 1}
RPN = {'conv.conv0': 'rpn_conv.0.conv', 'conv.conv1': 'rpn_conv.1.conv', 'objectness_logits': 'rpn_cls',
       'anchor_deltas': 'rpn_reg'}  # fmt: skip
PREDICTOR = {'cls_score': 'fc_cls', 'bbox_pred': 'fc_reg'}
BODY = (r'cls_token|pos_embed|patch_embed\.proj\.(?:weight|bias)|blocks\.\d+\.(?:norm[12]\.(?:weight|bias)'
        r'|attn\.(?:[qv]_bias|(?:qkv|[qkv]_proj)\.weight|proj\.(?:weight|bias)|rel_pos_[hw])'
        r'|mlp\.(?:w12|w1|w2|w3|ffn_ln|fc1|fc2)\.(?:weight|bias))')


def _body(match: re.Match, tensor: Tensor) -> Tensors:
    name = match['body'].replace('.rel_pos_', '.relative.rel_pos_')
    return {f'backbone.{name}': tensor}


def _pyramid(match: re.Match, tensor: Tensor) -> Tensors:
    """``simfp_2.4.norm``: the norm of the 1 x 1 convolution after the four layers that bring stride 16 to 4."""
    level, index = int(match['level']), int(match['index'])
    after = index - FIRST_CONV[level]
    if after < 0:  # a level with one deconvolution is not in a Sequential
        layer = f'scalings.{level - 2}.' + (f'{index}.' if level == 2 else '')
    else:
        layer = f'convs.{level - 2}.{2 * after + bool(match["norm"])}.'
    return {f'neck.{layer}{match["param"]}': tensor}


def _box_conv(match: re.Match, tensor: Tensor) -> Tensors:
    kind = 'ln' if match['norm'] else 'conv'
    name = f'roi_head.bbox_head.{match["stage"]}.shared_convs.{int(match["index"]) - 1}.{kind}.{match["param"]}'
    return {name: tensor}


def _mask(match: re.Match, tensor: Tensor) -> Tensors:
    if match['index']:
        layer = f'convs.{int(match["index"]) - 1}.{"ln" if match["norm"] else "conv"}'
    else:
        layer = {'deconv': 'upsample', 'predictor': 'conv_logits'}[match['layer']]
    return {f'roi_head.mask_head.{stage}.{layer}.{match["param"]}': tensor for stage in range(STAGES)}


def _rpn(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'rpn_head.{RPN[match["layer"]]}.{match["param"]}': tensor}


def _predictor(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'roi_head.bbox_head.{match["stage"]}.{PREDICTOR[match["layer"]]}.{match["param"]}': tensor}


Kind = Literal['pretraining', 'detection', 'segmentation']
RULES: dict[Kind, list[Rule]] = {
    'pretraining': [Rule(rf'{WRAPPED}(?P<body>{BODY})', _body)],
    'detection': [
        Rule(rf'backbone\.net\.(?P<body>{BODY})', _body),
        Rule(rf'backbone\.simfp_(?P<level>[2-5])\.(?P<index>[0-5])\.(?P<norm>norm\.)?{PARAM}', _pyramid),
        Rule(rf'proposal_generator\.rpn_head\.(?P<layer>{"|".join(map(re.escape, RPN))})\.{PARAM}', _rpn),
        Rule(rf'roi_heads\.box_head\.(?P<stage>[0-2])\.conv(?P<index>\d)\.(?P<norm>norm\.)?{PARAM}', _box_conv),
        Rule(rf'roi_heads\.box_head\.(?P<stage>[0-2])\.fc1\.{PARAM}',
             r'roi_head.bbox_head.\g<stage>.shared_fcs.0.\g<param>'),
        Rule(rf'roi_heads\.box_predictor\.(?P<stage>[0-2])\.(?P<layer>{"|".join(PREDICTOR)})\.{PARAM}', _predictor),
        Rule(rf'roi_heads\.mask_head\.(?P<layer>mask_fcn(?P<index>\d)|deconv|predictor)\.(?P<norm>norm\.)?{PARAM}',
             _mask),
    ],
    'segmentation': [
        Rule(rf'backbone\.(?P<body>{BODY})', _body),
        Rule(r'backbone\.fpn1\.(?P<rest>.+)', r'neck.upsample_4x.\g<rest>'),
        Rule(r'backbone\.fpn2\.(?P<rest>.+)', r'neck.upsample_2x.\g<rest>'),
        Rule(r'(?P<head>decode_head|auxiliary_head)\.(?P<rest>.+)', r'\g<head>.\g<rest>'),
    ],
}


def convert_eva(state_dict: Mapping[str, Tensor], wanted: Mapping[str, Tensor] | None = None, *,
                kind: Kind) -> Tensors:
    """Translate the original's tensors, without those that the table leaves out.

    Args:
        state_dict: Under the original's names.
        wanted: ``state_dict`` of the model, or of the transformer alone, whose names have no prefix; without it no size
            changes and no relative positions are added.
        kind: Of file.

    Raises:
        UserError: listing keys that belong to none of its modules; positions that are of no square grid.
    """
    converted = convert(state_dict, RULES[kind], SOURCE)
    if wanted and 'pos_embed' in wanted:  # the transformer alone
        whole = {f'backbone.{name}': tensor for name, tensor in wanted.items()}
        fitted = fit_sizes(converted, whole)
        return {name.removeprefix('backbone.'): tensor for name, tensor in fitted.items()}
    if not wanted:
        return converted
    if kind == 'pretraining':
        converted |= {key: torch.zeros(tensor.shape) for key, tensor in wanted.items()
                      if '.relative.rel_pos_' in key and key not in converted}
    return fit_sizes(converted, wanted)


def fit_sizes(tensors: Tensors, wanted: Mapping[str, Tensor]) -> Tensors:
    """Resize patch kernel and positions to those of the model, and drop a class token that it lacks."""
    kernel, positions, token = (f'backbone.{key}' for key in ('patch_embed.proj.weight', 'pos_embed', 'cls_token'))
    tensors = dict(tensors)
    given = tensors.get(kernel)
    # What is no kernel at all is named by the comparison with the model.
    if given is not None and given.dim() == 4 and kernel in wanted and given.shape[2:] != wanted[kernel].shape[2:]:
        tensors[kernel] = _bicubic(given, wanted[kernel].size(-1))
    if positions in tensors and positions in wanted:
        tensors[positions] = _positions(tensors[positions], wanted[positions].size(1), token in wanted)
    if token not in wanted:
        tensors.pop(token, None)
    return tensors


def _positions(have: Tensor, wanted: int, with_token: bool) -> Tensor:
    """(1, 1 + g^2, C) or (1, g^2, C) -> (1, wanted, C)."""
    extra = have.size(1) - _side(have.size(1)) ** 2
    target = _side(wanted)
    if extra not in (0, 1) or (with_token and not extra) or target**2 + with_token != wanted:
        raise UserError(f'pos_embed has {have.size(1)} rows, and the model wants {wanted}.',
                        rule='both must be a square grid, with one row more for a class token.',
                        fix='give the config of the file.')
    token, grid = have[:, :extra], have[:, extra:]
    side = _side(have.size(1))
    if side != target:
        grid = _bicubic(grid.transpose(1, 2).unflatten(2, (side, side)), target).flatten(2).transpose(1, 2)
    return torch.cat([token, grid], dim=1) if with_token else grid


def _side(rows: int) -> int:
    return int(rows**0.5)


def _bicubic(x: Tensor, side: int) -> Tensor:
    return F.interpolate(x.float(), size=(side, side), mode='bicubic', align_corners=False).to(x.dtype)
