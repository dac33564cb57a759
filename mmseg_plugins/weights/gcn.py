"""From a PyTorch port of the global convolutional network to this package's configs.

Port (MIT): https://github.com/zijundeng/pytorch-semantic-segmentation/tree/4a1721f9a3284788336430efb140288096c6dd09
(models/gcn.py).  Only names change.  It counts from the coarsest map, here the finest is first:

    gcm1 .. gcm4 (stride 32 .. 4)          kernels[3] .. kernels[0]
    brm1 .. brm4, after them              refine_maps[3] .. refine_maps[0]
    brm5 .. brm9, after the sums          refine_sums[4] .. refine_sums[0]

Its constructor takes ``input_size``, the size of every image; no weight depends on it at that commit, and here it is
read from the image.  (Earlier commits made the kernels as large as the maps of that size; such weights need kernels of
several sizes, which ``GlobalConvHead`` does not have, and are refused with their shapes.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .resnet_names import resnet_rules, with_batch_counts
from .state_dict_rules import PARAM, Rule, Tensors, convert

HEAD = 'decode_head.'
CONVS = dict(l1='left1', l2='left2', r1='right1', r2='right2')


def _kernel(match: re.Match, tensor: Tensor) -> Tensors:
    return {f'{HEAD}kernels.{4 - int(match["i"])}.{CONVS[match["conv"]]}.{match["param"]}': tensor}


def _refinement(match: re.Match, tensor: Tensor) -> Tensors:
    number = int(match['i'])
    place = f'refine_maps.{4 - number}' if number <= 4 else f'refine_sums.{9 - number}'
    return {f'{HEAD}{place}.{match["conv"]}.{match["param"]}': tensor}


RULES = [
    *resnet_rules('backbone.net.', conv1='layer0.0', bn1='layer0.1', layers={1: 'layer1.1'}),
    Rule(rf'gcm(?P<i>[1-4])\.conv_(?P<conv>[lr][12])\.{PARAM}', _kernel),
    Rule(rf'brm(?P<i>[1-9])\.(?P<conv>conv[12])\.{PARAM}', _refinement),
]


def convert_gcn(state_dict: Mapping[str, Tensor]) -> Tensors:
    """Translate the port's ``state_dict`` (or a part of it) to the keys of a segmentor of ``configs/gcn``.

    ``module.`` of DataParallel is taken off; batch counters that old files lack are added as 0.

    Raises:
        UserError: listing keys that belong to none of its modules.
    """
    plain = {key.removeprefix('module.'): value for key, value in state_dict.items()}
    return with_batch_counts(convert(plain, RULES, 'GCN (zijundeng/pytorch-semantic-segmentation)'))
