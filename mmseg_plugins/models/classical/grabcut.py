"""From a box to the mask of the object in it, by GrabCut (OpenCV), with no network.

Paper: "GrabCut: interactive foreground extraction using iterated graph cuts", ACM Transactions on Graphics 2004.

Two mixtures of Gaussians, of the colors outside and inside the box, and a graph cut between them, in turns.  What
OpenCV's function does not do is done here: a working window around the box, one component without holes, the turn whose
result fits the box best (later turns often lose the object), a second try where neighbors of the same color pass for
background, boxes that OpenCV cannot take, and the same result in every run.

Shapes: H x W pixels of the image, boxes x1 y1 x2 y2 in px, half open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmseg_plugins.structures.boxes import box_iou
from mmseg_plugins.structures.masks import mask_box
from mmseg_plugins.utils.errors import UserError

Box = tuple[int, int, int, int]
#: Scribbles: nothing, object, background.
UNKNOWN, OBJECT, BACKGROUND = 0, 1, 2
LEAST_MARGIN = 4  # px of the window around the box, where the image goes on


@dataclass(frozen=True)
class GrabCutOptions:
    """How a box becomes a mask.

    Attributes:
        iterations: Turns of fitting and cutting; the result is that of the turn that fits the box best.
        context: Side of the working window in units of the box's, at least 1.
        fill_holes: Whether holes of the mask are filled.
        least_fit: Least intersection over union of the mask's own box and the given one; below it the cut is taken to
            have missed the object.
        band: With a mask to refine, how far from its outline the new one may lie, in units of the square root of its
            area (at least 2 px).
        seed: Of OpenCV's random generator, set anew for every box.
    """

    iterations: int = 5
    context: float = 1.5
    fill_holes: bool = True
    least_fit: float = 0.5
    band: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.context < 1 or not 0 <= self.least_fit < 1 or self.band <= 0:
            raise UserError(
                f'GrabCutOptions: iterations={self.iterations} and context={self.context} must be at least 1, '
                f'least_fit={self.least_fit} within 0..1 and band={self.band} above 0',
            )


def pixel_box(box: Sequence[float], height: int, width: int) -> Box | None:
    """The pixels that a box x, y, width, height touches, cut to the image; None where there are none.

    Example: 2.5, 3, 4, 1 -> columns 2 to 6, row 3: (2, 3, 7, 4).
    """
    x, y, w, h = (float(value) for value in box)
    if not all(map(math.isfinite, (x, y, w, h))) or w <= 0 or h <= 0:
        return None
    x1, y1 = max(math.floor(x), 0), max(math.floor(y), 0)
    x2, y2 = min(math.ceil(x + w), width), min(math.ceil(y + h), height)
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def grabcut(image: np.ndarray, box: Box, options: GrabCutOptions | None = None, *, others: Sequence[Box] = (),
            prior: np.ndarray | None = None, scribbles: np.ndarray | None = None) -> np.ndarray | None:
    """The object in ``box`` as a mask (H, W) bool; None where no mask was found that fits the box.

    Args:
        image: (H, W, 3) uint8.
        box: Inside the image, not empty; see :func:`pixel_box`.
        others: Boxes of other objects.  Only where nothing fits, their pixels outside ``box`` get the colors of other
            background pixels for a second try: neighbors of the object's own color hide it.
        prior: (H, W) bool, a mask to refine: far inside it is object, far outside background.
        scribbles: (H, W) of ``UNKNOWN``, ``OBJECT``, ``BACKGROUND``; what is drawn is certain.

    Raises:
        ValueError: an image that is not 8-bit with three channels, or a box that is not in it.
    """
    options = options or GrabCutOptions()
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f'grabcut: an image of shape {image.shape} and type {image.dtype}; it must be (H, W, 3) uint8')
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
        raise ValueError(f'grabcut: box {box} is empty or not inside the image of {height} x {width} px; see pixel_box')
    left, top, right, bottom = window = _window(box, height, width, options.context)
    part = (slice(top, bottom), slice(left, right))
    inner = (x1 - left, y1 - top, x2 - left, y2 - top)
    labels = _labels(inner, (bottom - top, right - left), None if prior is None else prior[part], options.band)
    if scribbles is not None:
        labels[scribbles[part] == OBJECT] = cv2.GC_FGD
        labels[scribbles[part] == BACKGROUND] = cv2.GC_BGD
    if not _has_both(labels):
        return None
    colors = np.ascontiguousarray(image[part])
    found, fit = _best_turn(colors, labels, inner, options)
    if fit < options.least_fit or not found.any():
        changed = _without_others(colors, labels, inner, [_moved(other, window) for other in others])
        if changed is not None:
            found, fit = _best_turn(changed, labels, inner, options)
    if fit < options.least_fit or not found.any():
        return None
    mask = np.zeros((height, width), bool)
    mask[part] = found
    return mask


def grabcut_strokes(image: np.ndarray, scribbles: np.ndarray, options: GrabCutOptions | None = None) -> np.ndarray:
    """The object under strokes, without a box, as a mask (H, W) bool.

    Everything that is not drawn on is probably background at first.  Of the result, the parts that hold a stroke of the
    object are kept.

    Args:
        image: (H, W, 3) uint8.
        scribbles: (H, W) of ``UNKNOWN``, ``OBJECT``, ``BACKGROUND``, with a pixel of the object.
        options: Without its box: ``context``, ``least_fit`` and ``band`` say nothing here.
    """
    options = options or GrabCutOptions()
    certain = scribbles == OBJECT
    labels = np.full(scribbles.shape, cv2.GC_PR_BGD, np.uint8)
    labels[certain] = cv2.GC_FGD
    labels[scribbles == BACKGROUND] = cv2.GC_BGD
    if certain.all():
        return certain
    cv2.setRNGSeed(options.seed)
    model = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(image), labels, (0, 0, 0, 0), *model, options.iterations, cv2.GC_INIT_WITH_MASK)
    found = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    _, parts = cv2.connectedComponents(found, connectivity=4)
    mask = np.isin(parts, np.unique(parts[certain]))
    if options.fill_holes:
        _, outside = cv2.connectedComponents(np.pad(~mask, 1, constant_values=True).astype(np.uint8), connectivity=4)
        mask = (outside != outside[0, 0])[1:-1, 1:-1]
    return mask


def _best_turn(colors: np.ndarray, labels: np.ndarray, inner: Box,
               options: GrabCutOptions) -> tuple[np.ndarray, float]:
    """The object (h, w) after the turn that fits the box best, and how well it does."""
    labels = labels.copy()
    model = np.zeros((1, 65)), np.zeros((1, 65))
    best, best_fit = np.zeros(labels.shape, bool), 0.0
    cv2.setRNGSeed(options.seed)
    for turn in range(options.iterations):
        mode = cv2.GC_EVAL if turn else cv2.GC_INIT_WITH_MASK
        cv2.grabCut(colors, labels, (0, 0, 0, 0), model[0], model[1], 1, mode)
        found = _one_part((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), options.fill_holes)
        if not found.any():
            break
        fit = _fit(found, inner)
        if fit >= best_fit - 0.01:  # as good: the later turn knows the colors better
            best, best_fit = found, max(fit, best_fit)
    return best, best_fit


def _window(box: Box, height: int, width: int, context: float) -> Box:
    """The box and what is around it."""
    x1, y1, x2, y2 = box
    across = max(math.ceil((x2 - x1) * (context - 1) / 2), LEAST_MARGIN)
    down = max(math.ceil((y2 - y1) * (context - 1) / 2), LEAST_MARGIN)
    return max(x1 - across, 0), max(y1 - down, 0), min(x2 + across, width), min(y2 + down, height)


def _labels(inner: Box, size: tuple[int, int], prior: np.ndarray | None, band: float) -> np.ndarray:
    """GrabCut's first labels (h, w): what is background for certain, and what may be object."""
    x1, y1, x2, y2 = inner
    labels = np.full(size, cv2.GC_BGD, np.uint8)
    labels[y1:y2, x1:x2] = cv2.GC_PR_FGD
    if prior is not None and prior.any():
        reach = max(band * math.sqrt(np.count_nonzero(prior)), 2.0)
        inside = cv2.distanceTransform(np.pad(prior.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        outside = cv2.distanceTransform((~prior).astype(np.uint8), cv2.DIST_L2, 5)
        labels[:] = np.where(prior, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
        labels[inside > reach] = cv2.GC_FGD
        labels[outside > reach] = cv2.GC_BGD
    elif (labels == cv2.GC_PR_FGD).all():  # the box is the whole image: its rim stands for the background
        labels[[0, -1], :] = labels[:, [0, -1]] = cv2.GC_BGD
    return labels


def _has_both(labels: np.ndarray) -> bool:
    """Whether there are samples of object and background: OpenCV stops where there are not."""
    of_object = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return bool(of_object.any() and not of_object.all())


def _moved(box: Box, window: Box) -> Box:
    """A box in the coordinates of the window, cut to it."""
    left, top, right, bottom = window
    x1, y1, x2, y2 = box
    return (min(max(x1, left), right) - left, min(max(y1, top), bottom) - top,
            min(max(x2, left), right) - left, min(max(y2, top), bottom) - top)  # fmt: skip


def _without_others(colors: np.ndarray, labels: np.ndarray, inner: Box, others: Sequence[Box]) -> np.ndarray | None:
    """A copy in which pixels of other boxes have the colours of other background pixels, in turn; None without any."""
    hidden = np.zeros(labels.shape, bool)
    for x1, y1, x2, y2 in others:
        hidden[y1:y2, x1:x2] = True
    hidden &= labels == cv2.GC_BGD
    hidden[inner[1]:inner[3], inner[0]:inner[2]] = False
    free = (labels == cv2.GC_BGD) & ~hidden
    if not hidden.any() or not free.any():
        return None
    result = colors.copy()
    result[hidden] = np.resize(colors[free], (np.count_nonzero(hidden), 3))
    return result


def _one_part(mask: np.ndarray, fill_holes: bool) -> np.ndarray:
    """The largest part of a mask (h, w), parts connected by sides, and its holes."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count < 2:
        return np.zeros(mask.shape, bool)
    mask = parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if not fill_holes:
        return mask
    _, outside = cv2.connectedComponents(np.pad(~mask, 1, constant_values=True).astype(np.uint8), connectivity=4)
    return (outside != outside[0, 0])[1:-1, 1:-1]


def _fit(mask: np.ndarray, box: Box) -> float:
    """Intersection over union of a mask's own box and another."""
    return float(box_iou(np.array([mask_box(mask)]), np.array([box]))[0, 0])
