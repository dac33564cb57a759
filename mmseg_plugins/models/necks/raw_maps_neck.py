"""Any neck, and maps of the backbone next to its own: for heads that need finer detail than a pyramid holds.

MaskLab's refinement reads the stem of the network (https://arxiv.org/abs/1712.04837, section 3), which no FPN hands on.

Shapes: B images, L maps of the backbone.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class RawMapsNeck(BaseModule):
    """The maps of a neck, followed by maps of the backbone as they are.

    Heads that read all maps they get (stock ``RPNHead``) need to be told which are theirs:
    ``mmseg_plugins.LevelRPNHead(in_levels=...)``.

    Args:
        neck: The neck inside, of any registry.
        in_indices: Which of the backbone's maps it reads; ``None`` for all.
        raw_indices: Which of the backbone's maps follow unchanged.
        init_cfg: As in ``BaseModule``.

    Shape:
        L maps -> the neck's maps, then ``len(raw_indices)`` maps (B, C_i, H_i, W_i) of the backbone.

    Raises:
        ValueError: an index that the backbone's maps do not have.
    """

    def __init__(self,
                 neck: dict,
                 raw_indices: Sequence[int],
                 in_indices: Sequence[int] | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.neck = MODELS.build(neck)
        self.raw_indices = list(raw_indices)
        self.in_indices = None if in_indices is None else list(in_indices)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Run the neck and append."""
        for name, indices in (('in_indices', self.in_indices or []), ('raw_indices', self.raw_indices)):
            if not all(0 <= index < len(maps) for index in indices):
                raise ValueError(f'RawMapsNeck: {name}={indices}, but the backbone gives {len(maps)} maps, '
                                 f'0 to {len(maps) - 1}')
        read = maps if self.in_indices is None else [maps[index] for index in self.in_indices]
        return (*self.neck(read), *(maps[index] for index in self.raw_indices))
