"""The anchors of py-faster-rcnn, Detectron and what descends from them (PANet, FCIS): whole numbers of pixels.

Stock ``AnchorGenerator`` and ``LegacyAnchorGenerator`` do not round, so weights trained with these anchors would
decode to boxes that are up to 6 % wider or narrower.

Source: generate_anchors.py of https://github.com/rbgirshick/py-faster-rcnn (MIT), kept by Detectron.pytorch.
"""

from __future__ import annotations

from typing import Any

import torch
from mmdet.models.task_modules.prior_generators import AnchorGenerator
from torch import Tensor

from mmseg_plugins.registry import TASK_UTILS


@TASK_UTILS.register_module()
class RoundedAnchorGenerator(AnchorGenerator):
    """Anchors with inclusive corners, (x1, y1, x2, y2) in input-image pixels, width x2 - x1 + 1.

    The base box of stride s is (0, 0, s - 1, s - 1).  For a ratio r = height / width its width becomes
    round(sqrt(s^2 / r)) and its height round(r * width), both then multiplied by the scale.  Example: stride 16,
    ratio 0.5, scale 4 gives a 23 x 12 box times 4 around 7.5: (-38, -16, 53, 31).

    To be used with ``InclusiveDeltaXYWHBBoxCoder``, which counts widths in the same way.
    Arguments and the order of the anchors (ratios outside, scales inside) are those of ``AnchorGenerator``, but for
    two that these anchors do not have.

    Raises:
        ValueError: ``scale_major=False``, or a ``center_offset``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.scale_major:
            raise ValueError('RoundedAnchorGenerator: scale_major=False, but its anchors have one order, ratios '
                             'outside and scales inside; leave it out')
        if self.center_offset:
            raise ValueError(f'RoundedAnchorGenerator: center_offset={self.center_offset}, but its anchors lie around '
                             '(stride - 1) / 2; leave it out, or give centers')

    def gen_single_level_base_anchors(self,
                                      base_size: int | float,
                                      scales: Tensor,
                                      ratios: Tensor,
                                      center: tuple[float, float] | None = None) -> Tensor:
        """Give the (A, 4) base anchors of one level, A = ratios * scales."""
        ws = torch.round(torch.sqrt(float(base_size)**2 / ratios))
        hs = torch.round(ws * ratios)  # half to even, like the original's numpy
        ws = (ws[:, None] * scales[None, :]).flatten()
        hs = (hs[:, None] * scales[None, :]).flatten()
        x, y = (0.5 * (base_size - 1), ) * 2 if center is None else center
        return torch.stack([x - 0.5 * (ws - 1), y - 0.5 * (hs - 1), x + 0.5 * (ws - 1), y + 0.5 * (hs - 1)], dim=-1)
