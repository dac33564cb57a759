"""From FCN checkpoints under Caffe's blob names to this package's FCN.

Originals: https://github.com/shelhamer/fcn.berkeleyvision.org/tree/1305c7378a9f0ab44b2c936f4d60e4687e3d8743 (Caffe) and
https://github.com/wkentaro/pytorch-fcn/tree/4b988509bfd1a613d5e8482595a1c6654047d69b (the same names in torch).

Only names change.  What the config, not the weights, must reproduce: BGR input in 0..255 minus the mean, whole images,
``padding=100``.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .state_dict_rules import PARAM, Rule, Tensors, convert
from .vgg16 import caffe_conv_rule


def caffe_vgg16_rules(prefix: str) -> list[Rule]:
    """Rules for ``conv1_1`` .. ``fc7`` of an :class:`FCNVGG` whose names begin with ``prefix``."""
    return [caffe_conv_rule(prefix), Rule(rf'(?P<fc>fc[67])\.{PARAM}', rf'{prefix}\g<fc>.\g<param>')]


def fcn_head_rules(prefix: str) -> list[Rule]:
    """Rules for the classifiers and deconvolutions of FCN-32s, 16s and 8s."""
    layers = 'score_fr|score_pool[34]|upscore|upscore2|upscore16|upscore8|upscore_pool4'
    return [Rule(rf'(?P<layer>{layers})\.{PARAM}', rf'{prefix}\g<layer>.\g<param>')]


def convert_fcn(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate an FCN's ``state_dict`` (or a part of it) to the keys of ``configs/fcn``'s segmentors.

    The result has ``backbone.net.*`` (:class:`FCNVGG` inside :class:`WithImage`) and ``decode_head.*``.

    Raises:
        UserError: listing keys that belong to none of its modules.
    """
    rules = [*caffe_vgg16_rules('backbone.net.'), *fcn_head_rules('decode_head.')]
    return convert(state_dict, rules, 'FCN (Caffe blob names, as in wkentaro/pytorch-fcn)')
