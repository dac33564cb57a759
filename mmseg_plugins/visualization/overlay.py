"""Instances drawn over their image: masks, contours, boxes, names and scores.

Readable at any size: a small picture is enlarged by a whole factor first, and
text or boxes that would only cover what they describe are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from mmseg_plugins.structures.images import as_bgr
from mmseg_plugins.structures.masks import mask_box
from mmseg_plugins.structures.rle import Masks, iter_masks
from mmseg_plugins.visualization.colors import Color, instance_colors
from mmseg_plugins.visualization.text import Label, put_labels, text_size

Box = tuple[int, int, int, int]  # half-open x1 y1 x2 y2


class _Shape(NamedTuple):
    """One instance in canvas px: its drawn box, its mask crop with the crop's corner, and its RGB colour."""

    box: Box
    crop: np.ndarray | None
    corner: tuple[int, int]
    color: Color


def legible_scale(height: int, width: int, long_side: int = 512) -> int:
    """Whole factor by which a picture is enlarged so that text on it can be read.

    64 px -> 8, 256 px -> 2, 480 px and more -> 1.
    """
    return max(1, round(long_side / max(height, width, 1)))


def draw_instances(
    image_bgr: np.ndarray,
    masks: Masks | None = None,
    boxes: np.ndarray | None = None,
    labels: Sequence[int] | np.ndarray | None = None,
    scores: Sequence[float] | np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    *,
    alpha: float = 0.4,
    long_side: int = 512,
    show_text: bool = True,
    colors: np.ndarray | None = None,
) -> np.ndarray:
    """Draw N instances over a picture.

    Args:
        image_bgr: (H, W, 3) uint8, BGR.  It is not changed.
        masks: (N, H, W), or N RLE dicts of size (H, W); None draws boxes alone.
        boxes: (N, 4) as x1 y1 x2 y2 in image px; None takes them from the masks.
        labels: (N,) class indices.
        scores: (N,) in 0..1.
        class_names: Names of the classes; an index outside them reads ``class 7``.
        alpha: Opacity of the mask color, 0..1.
        long_side: Pictures smaller than this are enlarged, see :func:`legible_scale`.
        show_text: Whether names and scores are written where there is room.
        colors: (N, 3) RGB; None chooses them so that neighbors differ.

    Returns:
        (s*H, s*W, 3) uint8 BGR with s = ``legible_scale(H, W, long_side)``.

    Raises:
        ValueError: the numbers of masks, boxes, labels and scores differ, or a mask has another size.
    """
    number = _count(masks=masks, boxes=boxes, labels=labels, scores=scores, colors=colors)
    image = as_bgr(image_bgr)
    height, width = image.shape[:2]
    scale = legible_scale(height, width, long_side)
    canvas = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) if scale > 1 else image.copy()
    if masks is None and boxes is None:
        return canvas
    shapes = _shapes(masks, boxes, number, (height, width), scale, colors)
    boxes_too = boxes is not None and not (masks is not None and _crowded(shapes))
    for shape in reversed(list(shapes.values())):  # the first, usually the best, ends on top
        _draw_shape(canvas, shape, alpha, boxes_too)
    if not show_text:
        return canvas
    size = int(np.clip(max(canvas.shape[:2]) / 45, 11, 26))
    # The only class there is need not be named on every one of its instances.
    only = class_names is not None and len(class_names) == 1 and (number > 8 or scores is None)
    texts = {index: _text(index, None if only else labels, scores, class_names) for index in shapes}
    return put_labels(canvas, _place_labels(shapes, texts, canvas.shape[:2], size), size)


def _count(**arrays: Sequence | np.ndarray | None) -> int:
    lengths = {name: len(value) for name, value in arrays.items() if value is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f'instances disagree in number: {lengths}; every list needs one entry per instance')
    return next(iter(lengths.values()), 0)


def _shapes(
    masks: Masks | None,
    boxes: np.ndarray | None,
    number: int,
    size: tuple[int, int],
    scale: int,
    given_colors: np.ndarray | None,
) -> dict[int, _Shape]:
    """Instances that have something to draw, by index: an empty mask without a box has nothing."""
    crops: dict[int, tuple[np.ndarray, Box]] = {}
    for index, mask in enumerate(iter_masks(masks) if masks is not None else ()):
        if mask.shape != size:
            raise ValueError(f'mask {index} is {mask.shape}, the image {size} (height, width); both must be equal')
        tight = mask_box(mask)
        if tight is not None:
            crops[index] = mask[tight[1]:tight[3], tight[0]:tight[2]].copy(), tight
    drawn: dict[int, Box] = {}
    for index in range(number):
        given = _pixel_box(boxes[index], size) if boxes is not None else None
        if given is not None:
            drawn[index] = given
        elif index in crops:
            drawn[index] = crops[index][1]
    if given_colors is None:
        colors = instance_colors(np.array(list(drawn.values()), np.float32).reshape(-1, 4))
    else:
        colors = np.asarray(given_colors)[list(drawn)].reshape(-1, 3)
    shapes = {}
    for (index, box), rgb in zip(drawn.items(), colors.tolist(), strict=True):
        crop, corner = None, (0, 0)
        if index in crops:
            small, (x1, y1, _, _) = crops[index]
            crop = small.repeat(scale, axis=0).repeat(scale, axis=1)
            corner = (x1 * scale, y1 * scale)
        x1, y1, x2, y2 = (value * scale for value in box)
        shapes[index] = _Shape((x1, y1, x2, y2), crop, corner, (rgb[0], rgb[1], rgb[2]))
    return shapes


def _pixel_box(box: np.ndarray, size: tuple[int, int]) -> Box | None:
    """A float box rounded outwards and clipped to the image (height, width); None when nothing is left of it."""
    box = np.asarray(box, np.float64)
    if not np.isfinite(box).all():
        return None
    height, width = size
    x1, y1 = max(0, int(np.floor(box[0]))), max(0, int(np.floor(box[1])))
    x2, y2 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


def _crowded(shapes: dict[int, _Shape]) -> bool:
    """Whether boxes would hide the masks: many instances, or small ones that are not few."""
    if len(shapes) < 12:
        return False
    sides = [min(s.box[2] - s.box[0], s.box[3] - s.box[1]) for s in shapes.values()]
    return len(shapes) > 60 or float(np.median(sides)) < 40


def _draw_shape(canvas: np.ndarray, shape: _Shape, alpha: float, with_box: bool) -> None:
    """Blend one mask and draw its contour and box in place."""
    bgr = shape.color[::-1]
    if shape.crop is not None:
        x, y = shape.corner
        height, width = shape.crop.shape
        region = canvas[y:y + height, x:x + width]
        blended = region[shape.crop] * (1 - alpha) + np.array(bgr, np.float32) * alpha
        region[shape.crop] = np.round(blended).astype(np.uint8)
        crop = shape.crop.astype(np.uint8)
        contours, _ = cv2.findContours(crop, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(x, y))
        cv2.drawContours(canvas, contours, -1, bgr, 2 if min(height, width) > 40 else 1)
    if with_box or shape.crop is None:
        x1, y1, x2, y2 = shape.box
        cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), bgr, 1 if max(canvas.shape) < 900 else 2)


def _text(
    index: int,
    labels: Sequence[int] | np.ndarray | None,
    scores: Sequence[float] | np.ndarray | None,
    class_names: Sequence[str] | None,
) -> str:
    words = []
    if labels is not None:
        label = int(labels[index])
        named = class_names is not None and 0 <= label < len(class_names)
        words.append(str(class_names[label]) if named else f'class {label}')  # type: ignore[index]
    if scores is not None:
        words.append(f'{float(scores[index]):.2f}')
    return ' '.join(words)


def _place_labels(
    shapes: dict[int, _Shape], texts: dict[int, str], canvas: tuple[int, ...], size: int
) -> list[Label]:
    """Chips above, inside or below their boxes, where they hide least.

    One is dropped where it would cover another chip, or, among more than eight
    instances, where it is far wider than its own or hides half of others.
    """
    height, width = canvas[:2]
    boxes = np.array([shape.box for shape in shapes.values()], np.float32).reshape(-1, 4)
    placed: list[Label] = []
    taken = np.zeros((0, 4), np.float32)
    many = len(shapes) > 8
    for order, (index, shape) in enumerate(shapes.items()):
        x1, y1, x2, y2 = shape.box
        text_width, text_height = text_size(texts[index], size)
        if not texts[index] or text_width > width or (many and max(x2 - x1, y2 - y1) < 0.6 * text_width):
            continue
        x = min(x1, width - text_width)
        others = np.delete(boxes, order, axis=0)
        spots: list[tuple[float, int, int, np.ndarray]] = []
        for y in (y1 - text_height, y1, y2):
            chip = np.array([x, y, x + text_width, y + text_height], np.float32)
            if y >= 0 and y + text_height <= height and not _overlaps(chip, taken).any():
                spots.append((float(_overlaps(chip, others).sum()), len(spots), y, chip))
        if not spots:
            continue
        hidden, _, y, chip = min(spots, key=lambda spot: spot[:2])
        if many and hidden > 0.5 * text_width * text_height:
            continue
        taken = np.vstack([taken, chip])
        placed.append(Label(texts[index], int(x), int(y), shape.color))
    return placed


def _overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Areas (M,) that a box shares with M others (M, 4)."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return sides.clip(min=0).prod(axis=1)
