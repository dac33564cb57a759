"""From the checkpoints of the PyTorch port of ENet to this package's configs.

Port (MIT): https://github.com/davidtvs/PyTorch-ENet/tree/e17d404e2f649a3476eabe39f8a05e5eb77c55fd, models/enet.py.

Only names change.  What the config, not the weights, must reproduce: ``variant='port'``, RGB input between 0 and 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import NORM_PARAM, WRAPPED, Rule, Tensors, convert

BRANCHES = {'ext_conv1': 'reduce', 'ext_conv2': 'middle', 'ext_conv3': 'expand'}
UP_BRANCHES = {'main_conv1': 'short', 'ext_conv1': 'reduce', 'ext_conv2': 'expand'}
UP_LAYERS = {'ext_tconv1': 'upsample', 'ext_tconv1_bnorm': 'norm'}


def _block(stage: str, index: str, backbone: str) -> str:
    """Our name of the bottleneck ``<kind><stage>_<index>``."""
    if stage in '45':
        return f'decode_head.stage{stage}.{int(index) - 1}'
    return f'{backbone}.stage{stage}.{int(index) - (stage != "3")}'  # the third stage counts from zero


def _rules(backbone: str) -> list[Rule]:

    def branch(match: re.Match, tensor: Tensor) -> Tensors:
        target = _block(match['stage'], match['index'], backbone)
        return {f'{target}.{BRANCHES[match["branch"]]}.{match["place"]}.{match["param"]}': tensor}

    def slope(match: re.Match, tensor: Tensor) -> Tensors:
        return {f'{_block(match["stage"], match["index"], backbone)}.act.weight': tensor}

    def down(match: re.Match, tensor: Tensor) -> Tensors:
        target = f'{backbone}.down{match["stage"]}'
        return {f'{target}.{BRANCHES[match["branch"]]}.{match["place"]}.{match["param"]}': tensor}

    def up(match: re.Match, tensor: Tensor) -> Tensors:
        target = f'decode_head.up{int(match["stage"]) - 3}'
        return {f'{target}.{UP_BRANCHES[match["branch"]]}.{match["place"]}.{match["param"]}': tensor}

    def up_layer(match: re.Match, tensor: Tensor) -> Tensors:
        return {f'decode_head.up{int(match["stage"]) - 3}.{UP_LAYERS[match["layer"]]}.{match["param"]}': tensor}

    block = WRAPPED + r'(?:regular|dilated|asymmetric)(?P<stage>[1-5])_(?P<index>\d)'
    return [
        Rule(WRAPPED + r'initial_block\.main_branch\.weight', rf'{backbone}.initial.conv.weight'),
        Rule(WRAPPED + rf'initial_block\.batch_norm\.{NORM_PARAM}', rf'{backbone}.initial.norm.\g<param>'),
        Rule(WRAPPED + r'initial_block\.out_activation\.weight', rf'{backbone}.initial.act.weight'),
        Rule(rf'{block}\.(?P<branch>ext_conv[123])\.(?P<place>\d)\.{NORM_PARAM}', branch),
        Rule(rf'{block}\.out_activation\.weight', slope),
        Rule(WRAPPED + rf'downsample(?P<stage>[12])_0\.(?P<branch>ext_conv[123])\.(?P<place>\d)\.{NORM_PARAM}', down),
        Rule(WRAPPED + r'downsample(?P<stage>[12])_0\.out_activation\.weight',
             rf'{backbone}.down\g<stage>.act.weight'),
        Rule(WRAPPED + rf'upsample(?P<stage>[45])_0\.(?P<branch>main_conv1|ext_conv[12])\.(?P<place>\d)\.{NORM_PARAM}',
             up),
        Rule(WRAPPED + rf'upsample(?P<stage>[45])_0\.(?P<layer>ext_tconv1|ext_tconv1_bnorm)\.{NORM_PARAM}', up_layer),
        Rule(WRAPPED + r'transposed_conv\.weight', r'decode_head.score.weight'),
    ]


def convert_enet(state_dict: Mapping[str, Tensor], *, backbone: str = 'backbone.net',
                 drop_last_class: bool = False) -> Tensors:
    """Translate the port's ``state_dict`` to the keys of ``configs/enet``'s segmentor.

    Args:
        backbone: Prefix of the encoder; ``'backbone.net'`` is an ``ENet`` in ``WithImage``, as in the configs.
        drop_last_class: Leave the scores of the last class out: the port trains CamVid with "unlabeled" as twelfth.

    Raises:
        UserError: listing keys that belong to none of its modules.
    """
    converted = convert(state_dict, _rules(backbone), 'ENet (davidtvs/PyTorch-ENet)')
    name = 'decode_head.score.weight'
    if drop_last_class and name in converted:
        converted[name] = converted[name][:, :-1].clone()  # (w, C, 3, 3)
    return converted
