"""From the checkpoints of a PyTorch port of FC-DenseNet to this package's configs.

Port (MIT): https://github.com/bfortuner/pytorch_tiramisu/tree/c1cf07967f20ebd1e7d4ca0a61126f9cab11be99,
models/tiramisu.py, whose FCDenseNet57 is the paper's FC-DenseNet56.

Only names change.  What the config, not the weights, must reproduce: ``dropout_kind='channel'`` for further training.
The LogSoftmax at the port's end has no weights; scores here are what goes into it.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import NORM_PARAM, PARAM, WRAPPED, Rule, Tensors, convert

LAYER = rf'layers\.(?P<j>\d+)\.(?P<part>norm|conv)\.{NORM_PARAM}'

RULES = [
    Rule(rf'{WRAPPED}firstconv\.{PARAM}', r'backbone.stem.\g<param>'),
    Rule(rf'{WRAPPED}denseBlocksDown\.(?P<i>\d+)\.{LAYER}', r'backbone.blocks.\g<i>.layers.\g<j>.\g<part>.\g<param>'),
    Rule(
        rf'{WRAPPED}transDownBlocks\.(?P<i>\d+)\.(?P<part>norm|conv)\.'
        r'(?P<param>weight|bias|running_mean|running_var|num_batches_tracked)',
        r'backbone.downs.\g<i>.\g<part>.\g<param>'),
    Rule(rf'{WRAPPED}bottleneck\.bottleneck\.{LAYER}', r'backbone.bottleneck.layers.\g<j>.\g<part>.\g<param>'),
    Rule(rf'{WRAPPED}transUpBlocks\.(?P<i>\d+)\.convTrans\.{PARAM}', r'decode_head.ups.\g<i>.\g<param>'),
    Rule(rf'{WRAPPED}denseBlocksUp\.(?P<i>\d+)\.{LAYER}', r'decode_head.blocks.\g<i>.layers.\g<j>.\g<part>.\g<param>'),
    Rule(rf'{WRAPPED}finalConv\.{PARAM}', r'decode_head.score.\g<param>'),
]


def convert_fc_densenet(state_dict: Mapping[str, Tensor], *, drop_last_class: bool = False) -> Tensors:
    """Translate the port's ``state_dict`` to the keys of ``configs/fc_densenet``'s segmentor.

    Args:
        drop_last_class: Leave the scores of the last class out: the port trains CamVid with "void" as twelfth.

    Raises:
        UserError: listing keys that belong to none of its modules.
    """
    converted = convert(state_dict, RULES, 'FC-DenseNet (bfortuner/pytorch_tiramisu)')
    if drop_last_class:
        for name in ('decode_head.score.weight', 'decode_head.score.bias'):
            if name in converted:
                converted[name] = converted[name][:-1].clone()
    return converted
