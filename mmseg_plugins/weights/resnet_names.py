"""torchvision's ResNet names, which most PyTorch ports keep, and the hosts' ResNet after them."""

from __future__ import annotations

import torch

from .state_dict_rules import NORM_PARAM, Rule, Tensors

#: A layer inside a residual block.
LAYER = r'(?P<layer>conv[123]|bn[123]|downsample\.[01])'


def resnet_rules(ours: str,
                 *,
                 conv1: str = 'conv1',
                 bn1: str = 'bn1',
                 layers: dict[int, str] | None = None) -> list[Rule]:
    """Rules from a port's ResNet to the host's; names that are not given are torchvision's.

    Args:
        ours: The backbone's prefix in our model, with its dot: ``'backbone.'``.
        conv1: The port's name of the stem's convolution.
        bn1: The port's name of the stem's batch norm.
        layers: The port's names of stages, by their number 1..4.
    """
    names = {stage: f'layer{stage}' for stage in (1, 2, 3, 4)} | (layers or {})
    return [
        Rule(_literal(conv1) + r'\.weight', f'{ours}conv1.weight'),
        Rule(_literal(bn1) + rf'\.{NORM_PARAM}', rf'{ours}bn1.\g<param>'),
        *(Rule(_literal(name) + rf'\.(?P<i>\d+)\.{LAYER}\.{NORM_PARAM}',
               rf'{ours}layer{stage}.\g<i>.\g<layer>.\g<param>')
          for stage, name in names.items()),
    ]


def with_batch_counts(converted: Tensors) -> Tensors:
    """Add the batch norms' ``num_batches_tracked``, 0, which files of torch before 0.4.1 do not have."""
    norms = [key.removesuffix('running_var') for key in converted if key.endswith('.running_var')]
    counts = {f'{norm}num_batches_tracked' for norm in norms}
    return {**converted, **{key: torch.zeros((), dtype=torch.long) for key in sorted(counts - converted.keys())}}


def _literal(name: str) -> str:
    return name.replace('.', r'\.')
