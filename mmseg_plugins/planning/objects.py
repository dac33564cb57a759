"""The objects of a data set as a table of arrays, in the frame of the network's input."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Objects:
    """N objects in I network inputs.

    Frame: pixels of the network input, after the pipeline's resize and crop and
    before padding.  Objects are ordered by input.

    Attributes:
        image: (N,) index of the input that holds the object.
        boxes: (N, 4) x1 y1 x2 y2, as the pipeline gives them.
        labels: (N,) class indices.
        centers: (N, 2) x, y: mean index of the mask's pixels, as SOLO takes it; the box's center without a pixel.
        areas: (N,) mask pixels.
        shared: (N,) those of them that another object covers too.
        inputs: (I, 2) height and width.
        covered: (I, 2) pixels under at least one and under at least two objects.
        whole_counts: (W,) objects in each whole image of the data set, before any crop.
        crops: bool masks cut to their own pixels, of an even selection of the objects.
        pad_divisor: inputs are padded to multiples of it.
    """

    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    centers: np.ndarray
    areas: np.ndarray
    shared: np.ndarray
    inputs: np.ndarray
    covered: np.ndarray
    whole_counts: np.ndarray
    crops: tuple[np.ndarray, ...] = ()
    pad_divisor: int = 32

    def __len__(self) -> int:
        return len(self.image)

    @cached_property
    def sizes(self) -> np.ndarray:
        """(N,) sqrt(width * height) of the boxes in px."""
        sides = np.clip(self.boxes[:, 2:] - self.boxes[:, :2], 0, None)
        return np.sqrt(sides.prod(axis=1))

    @cached_property
    def counts(self) -> np.ndarray:
        """(I,) objects in each input."""
        return np.bincount(self.image, minlength=len(self.inputs))

    @cached_property
    def padded(self) -> np.ndarray:
        """(I, 2) height and width, each alone padded up to a multiple of the divisor (a batch may pad more)."""
        return -(-self.inputs // self.pad_divisor) * self.pad_divisor

    def thinned(self, most: int) -> Objects:
        """At most ``most`` objects, evenly spaced; inputs and counts of whole images stay."""
        if len(self) <= most:
            return self
        keep = np.linspace(0, len(self) - 1, most).round().astype(np.int64)
        rows = {f.name: getattr(self, f.name)[keep] for f in fields(self) if f.name in _PER_OBJECT}
        return replace(self, **rows)


_PER_OBJECT = ('image', 'boxes', 'labels', 'centers', 'areas', 'shared')


def mask_moments(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """Areas, centers and overlap of the masks of one input.

    Args:
        masks: (N, H, W) bool.

    Returns:
        Areas (N,); mean pixel index (N, 2) as x, y, NaN for an empty mask; pixels shared with another mask (N,);
        and how many pixels lie under at least one and at least two masks.
    """
    number, height, width = masks.shape
    place = np.flatnonzero(np.ascontiguousarray(masks))
    owner, pixel = np.divmod(place, height * width)
    y, x = np.divmod(pixel, width)
    areas = np.bincount(owner, minlength=number)
    with np.errstate(invalid='ignore', divide='ignore'):
        centers = np.stack([np.bincount(owner, values, number) / areas for values in (x, y)], axis=1)
    depth = np.bincount(pixel, minlength=height * width)
    shared = np.bincount(owner, depth[pixel] > 1, number).astype(np.int64)
    return areas, centers, shared, (int((depth > 0).sum()), int((depth > 1).sum()))
