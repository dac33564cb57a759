"""Boxes x1 y1 x2 y2: the two ways to count their pixels, and the one IoU.

mmdet and chainercv count half-open: the pixels x1 .. x2 - 1 belong to the box, its width is x2 - x1.  py-faster-rcnn,
Detectron and FCIS count inclusive corners: x1 and x2 both belong to it, its width is x2 - x1 + 1.
Example: the pixels 10, 11, .. 19 of a row are 10..20 half-open and 10..19 inclusive.

Shapes: N and M boxes.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from mmseg_plugins.utils.deprecation import warn_renamed


class BoxMode(str, Enum):
    """How boxes count their pixels; equal to its name as text, so that a config says ``box_mode='inclusive'``."""

    INCLUSIVE = 'inclusive'
    HALF_OPEN = 'half_open'

    @property
    def extra(self) -> int:
        """What x2 - x1 lacks of the width in pixels: 1 or 0."""
        return 1 if self is BoxMode.INCLUSIVE else 0

    def sides(self, boxes: Tensor) -> Tensor:
        """Width and height (..., 2) of boxes (..., 4)."""
        return boxes[..., 2:4] - boxes[..., :2] + self.extra

    def from_half_open(self, boxes: Tensor) -> Tensor:
        """Boxes (N, 4) of mmdet in this mode."""
        return boxes - boxes.new_tensor([0, 0, 1, 1]) if self.extra else boxes

    def to_half_open(self, boxes: Tensor) -> Tensor:
        """Boxes (N, 4) of this mode as mmdet has them."""
        return boxes + boxes.new_tensor([0, 0, 1, 1]) if self.extra else boxes

    def clip(self, boxes: Tensor, limits: Tensor) -> Tensor:
        """Boxes (N, 4) inside images; ``limits``: width, height, width, height, (4,) or (N, 4)."""
        return torch.minimum(boxes.clamp(min=0), limits - self.extra)


@runtime_checkable
class CountsPixels(Protocol):
    """A head that says how its boxes count their pixels."""

    box_mode: BoxMode


#: Names of the forks of FCIS, and how each counts the pixels of a box.
FORKS = {'msracver': BoxMode.INCLUSIVE, 'chainercv': BoxMode.HALF_OPEN}


def box_mode_of(value: str | BoxMode, owner: str, convention: str | None = None) -> BoxMode:
    """The mode that a component's argument asks for.

    Args:
        value: ``'inclusive'`` or ``'half_open'``.
        owner: The component, for messages.
        convention: The argument's old name, with a name of :data:`FORKS` as its value; it goes first and is answered
            by a line that names the new one.

    Raises:
        ValueError: Neither a mode nor, for ``convention``, one of :data:`FORKS`.
    """
    if convention is not None:
        if convention not in FORKS:
            raise ValueError(f'{owner}: convention={convention!r}. Rule: one of {sorted(FORKS)}. '
                             f"Fix: box_mode='inclusive' or 'half_open'")
        value = FORKS[convention]
        warn_renamed(f'convention={convention!r} of {owner}', f'box_mode={value.value!r}')
    try:
        return BoxMode(value)
    except ValueError:
        raise ValueError(f"{owner}: box_mode={value!r}. Rule: 'inclusive' (x2 belongs to the box) or 'half_open' "
                         "(mmdet's). Fix: one of the two") from None


def box_overlaps(first: Tensor,
                 second: Tensor,
                 box_mode: BoxMode = BoxMode.HALF_OPEN,
                 *,
                 kind: str = 'iou',
                 aligned: bool = False) -> Tensor:
    """Intersection over union, or with ``kind='iof'`` over the first box; 0 where two boxes share no pixel.

    Example, inclusive: the 2 x 2 pixels (0, 0, 1, 1) and the 4 x 4 pixels (0, 1, 3, 4) share 2: IoU 2 / 18, IoF 2 / 4.

    Args:
        first, second: Boxes (N, 4) and (M, 4); ``aligned``: (N, 4) twice.

    Returns:
        (N, M), or (N,) when ``aligned``.
    """
    own, other = box_mode.sides(first).prod(-1), box_mode.sides(second).prod(-1)
    if not aligned:
        first, own = first[:, None], own[:, None]
    low, high = torch.max(first[..., :2], second[..., :2]), torch.min(first[..., 2:4], second[..., 2:4])
    shared = (high - low + box_mode.extra).clamp(min=0).prod(-1)
    whole = own + other - shared if kind == 'iou' else own
    return torch.where(shared > 0, shared / whole, shared.new_zeros(()))


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """:func:`box_overlaps` of half-open numpy boxes (N, 4) and (M, 4): (N, M), floating as they are or float64."""
    boxes = [np.asarray(one) for one in (first, second)]
    one, other = (torch.from_numpy(np.ascontiguousarray(b if b.dtype.kind == 'f' else b.astype(float))) for b in boxes)
    return box_overlaps(one, other).numpy()
