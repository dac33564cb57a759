"""A region proposal network that reads some of the maps, not all of them.

Systems without a pyramid (MaskLab, FCIS, the C4 family) propose from conv4 while other heads read conv5 and earlier
maps; mmdet's detectors hand every map to the proposal network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.models.dense_heads.rpn_head import RPNHead
from torch import Tensor

from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class SelectRPNHead(RPNHead):
    """Stock ``RPNHead`` on the maps named by ``in_indices``.

    Args:
        in_indices: Which of the maps that the neck (or the backbone) gives; one for each stride of the anchors.
        kwargs: Those of ``RPNHead``.

    Raises:
        ValueError: number of maps and of anchor strides differ; no such map; wrong number of channels.
    """

    def __init__(self, *, in_indices: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.in_indices = list(in_indices)
        strides = list(self.prior_generator.strides)
        if len(strides) != len(self.in_indices):
            raise ValueError(f'SelectRPNHead: in_indices={self.in_indices} names {len(self.in_indices)} maps, but the '
                             f'anchor generator has {len(strides)} strides {strides}; give one stride a map')

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Scores and deltas of the chosen maps, one list entry a map; see ``RPNHead.forward_single``."""
        got = [feat.size(1) for feat in x]
        if not all(0 <= i < len(x) and got[i] == self.in_channels for i in self.in_indices):
            raise ValueError(f'SelectRPNHead: in_indices={self.in_indices} and in_channels={self.in_channels}, but the '
                             f'neck (or the backbone) gives {len(x)} maps with {got} channels')
        return super().forward([x[i] for i in self.in_indices])
