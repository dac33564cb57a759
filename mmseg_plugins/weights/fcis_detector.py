"""From the checkpoints of both FCIS implementations to a whole detector of ``configs/fcis``: backbone, RPN and head.

Originals: see :mod:`mmseg_plugins.weights.fcis`, which has the head's rules.  What changes besides the names:

* the RPN's two scores per anchor become one logit, object minus background: its sigmoid is their softmax.  msracver
  stores all backgrounds, then all objects; chainercv alternates them;
* chainercv orders the RPN's deltas dy, dx, dh, dw, anchor by anchor; here as in the original dx, dy, dw, dh;
* chainercv's first batch norm adds 2e-5 to the variance (the others, and all of msracver and of ours, 1e-5): the
  difference is added to the converted variance;
* chainer's counter ``N`` of batch norms has no meaning in inference: the table leaves it out.

msracver's checkpoints hold the box layer twice: ``fcis_bbox_*`` predicts normalized deltas, ``fcis_bbox_*_test`` is
multiplied by their stds.  The first is converted, the table leaves the second out: our coder multiplies by the stds
once, at run time.  The original's evaluation does the same; its demo loads the second and multiplies again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from mmseg_plugins.utils.errors import UserError

from .fcis import CHAINER_PARAM, CHAINERCV_HEAD_RULES, GROUP_SIZE, MSRACVER_HEAD_RULES, Y_X_TO_X_Y
from .state_dict_rules import Rule, Tensors, convert

CHAINER_FIRST_EPS_EXCESS = 2e-5 - 1e-5
BRANCHES = {'1': 'downsample', '2a': '1', '2b': '2', '2c': '3'}
MXNET_NORM = dict(gamma='weight', beta='bias', moving_mean='running_mean', moving_var='running_var')
CHAINER_NORM = dict(gamma='weight', beta='bias', avg_mean='running_mean', avg_var='running_var')


def _norm(name: str, param: str, tensor: Tensor) -> Tensors:
    """A batch norm's tensor; the counter that torch keeps is made with the weight."""
    made = {f'{name}.{param}': tensor}
    if param == 'weight':
        made[f'{name}.num_batches_tracked'] = torch.tensor(0)
    return made


def _block_names(stage: str, block: int, branch: str) -> tuple[str, str]:
    """Names of a convolution and its batch norm in mmdet's ``ResNet``; ``branch`` is 1, 2, 3 or ``downsample``."""
    prefix = f'backbone.layer{int(stage) - 1}.{block}'
    if branch == 'downsample':
        return f'{prefix}.downsample.0', f'{prefix}.downsample.1'
    return f'{prefix}.conv{branch}', f'{prefix}.bn{branch}'


def _mxnet_block(match: re.Match, tensor: Tensor) -> Tensors:
    """``res4b22_branch2a_weight`` -> ``backbone.layer3.22.conv1.weight``; blocks are a, b, c, ... or a, b1, b2, ..."""
    block = int(match['number']) if match['number'] else 'abcdef'.index(match['letter'])
    conv, norm = _block_names(match['stage'], block, BRANCHES[match['branch']])
    if match['kind'] == 'res':
        return {f'{conv}.weight': tensor}
    return _norm(norm, MXNET_NORM[match['param']], tensor)


def _mxnet_first_norm(match: re.Match, tensor: Tensor) -> Tensors:
    return _norm('backbone.bn1', MXNET_NORM[match['param']], tensor)


def _mxnet_objectness(match: re.Match, tensor: Tensor) -> Tensors:
    """(2 A, ...), backgrounds before objects -> (A, ...)."""
    background, thing = tensor.chunk(2)
    return {f'rpn_head.rpn_cls.{match["param"]}': thing - background}


def _chainer_block(match: re.Match, tensor: Tensor) -> Tensors:
    """``extractor/res4/b22/conv1/conv/W`` -> ``backbone.layer3.22.conv1.weight``; blocks are a, b1, b2, ..."""
    branch = 'downsample' if match['branch'] == 'residual_conv' else match['branch'][-1]
    conv, norm = _block_names(match['stage'], int(match['number'] or 0), branch)
    if match['norm'] is None:
        return {f'{conv}.weight': tensor}
    return _norm(norm, CHAINER_NORM[match['norm']], tensor)


def _chainer_first_norm(match: re.Match, tensor: Tensor) -> Tensors:
    if match['param'] == 'avg_var':
        tensor = tensor + CHAINER_FIRST_EPS_EXCESS
    return _norm('backbone.bn1', CHAINER_NORM[match['param']], tensor)


def _chainer_rpn(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'rpn_head.rpn_conv.{CHAINER_PARAM[match["param"]]}': tensor}


def _chainer_objectness(match: re.Match, tensor: Tensor) -> Tensors:
    """(2 A, ...), background and object of each anchor in turn -> (A, ...)."""
    return {f'rpn_head.rpn_cls.{CHAINER_PARAM[match["param"]]}': tensor[1::2] - tensor[0::2]}


def _chainer_anchor_deltas(match: re.Match, tensor: Tensor) -> Tensors:
    ordered = tensor.unflatten(0, (-1, 4))[:, Y_X_TO_X_Y].flatten(0, 1)  # (4 A, ...) -> (A, 4, ...) -> (4 A, ...)
    return {f'rpn_head.rpn_reg.{CHAINER_PARAM[match["param"]]}': ordered}


BLOCK = r'(?P<stage>[2-5])(?P<letter>[a-f])(?P<number>(?<=b)\d+)?_branch(?P<branch>1|2[abc])'
RULES = {
    'msracver': [
        Rule(r'conv1_weight', 'backbone.conv1.weight'),
        Rule(r'bn_conv1_(?P<param>gamma|beta|moving_mean|moving_var)', _mxnet_first_norm),
        Rule(rf'(?P<kind>res){BLOCK}_weight', _mxnet_block),
        Rule(rf'(?P<kind>bn){BLOCK}_(?P<param>gamma|beta|moving_mean|moving_var)', _mxnet_block),
        Rule(r'rpn_conv_3x3_(?P<param>weight|bias)', r'rpn_head.rpn_conv.\g<param>'),
        Rule(r'rpn_cls_score_(?P<param>weight|bias)', _mxnet_objectness),
        Rule(r'rpn_bbox_pred_(?P<param>weight|bias)', r'rpn_head.rpn_reg.\g<param>'),
        *MSRACVER_HEAD_RULES,
    ],
    'chainercv': [
        Rule(r'extractor/conv1/conv/W', 'backbone.conv1.weight'),
        Rule(r'extractor/conv1/bn/(?P<param>gamma|beta|avg_mean|avg_var)', _chainer_first_norm),
        Rule(
            r'extractor/res(?P<stage>[2-5])/(?:a|b(?P<number>\d+))/(?P<branch>conv[123]|residual_conv)/'
            r'(?:conv/W|bn/(?P<norm>gamma|beta|avg_mean|avg_var))', _chainer_block),
        Rule(r'rpn/conv1/(?P<param>[Wb])', _chainer_rpn),
        Rule(r'rpn/score/(?P<param>[Wb])', _chainer_objectness),
        Rule(r'rpn/loc/(?P<param>[Wb])', _chainer_anchor_deltas),
        *CHAINERCV_HEAD_RULES,
    ],
}


def convert_fcis(state_dict: Mapping[str, Tensor], convention: str) -> Tensors:
    """Translate a whole checkpoint (or a part of it) to the keys of a detector of ``configs/fcis``.

    ``model.roi_head.preset`` of the config must be the same.

    Args:
        state_dict: Without what the table leaves out; MXNet's ``arg:`` and ``aux:`` may stand before the names.
        convention: ``'msracver'`` or ``'chainercv'``: whose names they are.

    Raises:
        UserError: listing keys that belong to no part of the detector, or twice to the same.
    """
    if convention not in RULES:
        raise ValueError(f'convention must be one of {sorted(RULES)}, got {convention!r}')
    return convert(_without_kinds(state_dict), RULES[convention], f'FCIS of {convention}')


def count_classes(state_dict: Mapping[str, Tensor]) -> int | None:
    """Object classes of a checkpoint of either implementation, from its 2 (C + 1) 7 x 7 score maps."""
    for name, tensor in state_dict.items():
        if name.endswith(('fcis_cls_seg_bias', 'head/cls_seg/b')):
            return len(tensor) // (2 * GROUP_SIZE**2) - 1
    return None


def _without_kinds(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Cut ``arg:`` and ``aux:`` off the names."""
    bare = {re.sub('^(?:arg|aux):', '', name): tensor for name, tensor in state_dict.items()}
    if len(bare) != len(state_dict):
        double = [name for name in bare if sum(key.endswith(f':{name}') or key == name for key in state_dict) > 1]
        raise UserError(f'names that occur both as arg: and as aux:, or with and without it: {double}')
    return bare
