"""The two ways to count pixels of a box, and the way between them.

mmdet and chainercv: half-open, (x1, y1, x2, y2) with width x2 - x1; py-faster-rcnn and all that is built on it
(``msracver``): inclusive corners, the pixels x1 and x2 both belong to the box, width x2 - x1 + 1.
Example: the pixels 10, 11, .. 19 of a row are 10..20 half-open and 10..19 inclusive.
"""

from __future__ import annotations

from torch import Tensor

CONVENTIONS = ('msracver', 'chainercv')


def check_convention(convention: str, owner: str) -> None:
    """Raise ``ValueError`` unless ``convention`` is one of :data:`CONVENTIONS`."""
    if convention not in CONVENTIONS:
        raise ValueError(f'{owner}: convention={convention!r}, it must be one of {CONVENTIONS}')


def from_half_open(boxes: Tensor, convention: str) -> Tensor:
    """Boxes (N, 4) of mmdet in the given convention."""
    return boxes - boxes.new_tensor([0, 0, 1, 1]) if convention == 'msracver' else boxes


def to_half_open(boxes: Tensor, convention: str) -> Tensor:
    """Boxes (N, 4) of the given convention as mmdet has them."""
    return boxes + boxes.new_tensor([0, 0, 1, 1]) if convention == 'msracver' else boxes
