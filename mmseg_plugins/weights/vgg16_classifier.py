"""VGG-16's fully connected layers as the first weights of DeepLab's fc6 and fc7.

Paper: https://arxiv.org/abs/1412.7062, section 3: the 7 x 7 filters of fc6 are decimated in space and a subset of the
4,096 filters is kept (the released start is ``vgg16_20M.caffemodel``, which no public address serves for PyTorch).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .state_dict_rules import ConversionError, Rule, Tensors, convert

SIDE = 7  # of pool5, which fc6 reads
KEEP = Rule(r'(?P<name>(?:features|classifier)\.\d+\.(?:weight|bias))', r'\g<name>')


def subsample_vgg16(state_dict: Mapping[str, Tensor], *, branches: int = 1, channels: int = 1024, kernel_size: int = 3,
                    seed: int = 0) -> Tensors:
    """Weights of a DeepLab model without fc8, from torchvision's ``vgg16``.

    fc6 (4096, 512 * 7 * 7) becomes ``channels`` filters of ``kernel_size``: rows and columns evenly spaced from the
    first to the last (0, 3, 6 for 3; 0, 2, 4, 6 for 4).  fc7 keeps the rows and columns of the same filters.  The
    values are not rescaled.

    Args:
        state_dict: Of ``torchvision.models.vgg16``: ``features.*``, ``classifier.{0,3,6}.*``; the last is left out.
        branches: Of ``LargeFOVHead``: 1 for LargeFOV, 4 for ASPP.  Each draws filters of its own.
        channels: Filters to keep; all 4,096 are kept in their order.
        kernel_size: Of fc6.
        seed: Of the choice of filters; the paper's is unknown.

    Returns:
        ``backbone.features.*``, ``decode_head.fc6.<branch>.conv.*`` and ``decode_head.fc7.<branch>.conv.*``.

    Raises:
        ConversionError: the weights are not VGG-16's, or there are fewer filters than ``channels``.
    """
    given = convert(state_dict, [KEEP], 'VGG-16 (torchvision)')
    fc6, fc7 = (given.get(f'classifier.{i}.weight') for i in (0, 3))
    if fc6 is None or fc7 is None or fc6.shape[1] % SIDE**2 or fc7.shape != (fc6.shape[0], ) * 2:
        shapes = [None if layer is None else tuple(layer.shape) for layer in (fc6, fc7)]
        raise ConversionError(f'classifier.0.weight and classifier.3.weight have the shapes {shapes}; those of VGG-16 '
                              f'are (4096, 25088) and (4096, 4096). Give torchvision\'s whole vgg16')
    count = fc6.shape[0]
    if channels > count:
        raise ConversionError(f'channels={channels}, but fc6 has {count} filters; keep at most as many')
    places = torch.linspace(0, SIDE - 1, kernel_size).round().long()
    cells = fc6.view(count, -1, SIDE, SIDE)[:, :, places[:, None], places]  # (4096, 512 * 7 * 7) -> (4096, 512, k, k)
    result = {f'backbone.{name}': value for name, value in given.items() if name.startswith('features.')}
    generator = torch.Generator().manual_seed(seed)
    for branch in range(branches):
        kept = torch.randperm(count, generator=generator)[:channels].sort()[0]
        head = f'decode_head.fc{{}}.{branch}.conv.{{}}'.format
        result[head(6, 'weight')] = cells[kept].contiguous()
        result[head(6, 'bias')] = given['classifier.0.bias'][kept]
        result[head(7, 'weight')] = fc7[kept][:, kept, None, None].contiguous()
        result[head(7, 'bias')] = given['classifier.3.bias'][kept]
    return result
