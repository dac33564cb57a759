"""Generated pictures of geometric shapes: the scene of one image.

Circles, squares, triangles, stars (concave) and rings (with a hole) lie over
each other on a background of two textures.  Instances of one class touch and
occlude each other, at scales from 1/7 to 1/2 of the image side; color,
texture, shading and rotation say nothing about the class.  Everything about
image ``i`` of a split follows from ``(seed, split, i)`` alone, so it does not
matter which process draws it.  numpy and OpenCV only.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mmseg_plugins.utils.errors import UserError

THINGS: tuple[str, ...] = ('circle', 'square', 'triangle', 'star', 'ring')
STUFF: tuple[str, ...] = ('grain', 'stripes')

MIN_VISIBLE_PIXELS = 48  # at 128 x 128
MIN_VISIBLE_FRACTION = 0.4
RADIUS_RANGE = (9.0, 33.0)  # pixels at 128 x 128
_OVERSAMPLE = 4  # masks are drawn this much larger, then averaged


@dataclass(frozen=True)
class Scene:
    """One generated image of H = W = size.

    Attributes:
        image: (H, W, 3) uint8, BGR.
        instance_map: (H, W) int32; 0 is background, k is ``labels[k - 1]``.
        labels: index into :data:`THINGS` of each instance, bottom to top.
        stuff_map: (H, W) uint8, index into :data:`STUFF` (also under things).
    """

    image: np.ndarray
    instance_map: np.ndarray
    labels: tuple[int, ...]
    stuff_map: np.ndarray

    @property
    def semantic_map(self) -> np.ndarray:
        """(H, W) uint8: things 0..T-1, then stuff T..T+S-1."""
        table = np.array((0, *self.labels), dtype=np.uint8)
        things = table[self.instance_map]
        return np.where(self.instance_map > 0, things, self.stuff_map + len(THINGS)).astype(np.uint8)


@dataclass(frozen=True)
class _Shape:
    label: int
    center: tuple[float, float]  # x, y in pixels
    radius: float  # of the circumscribed circle, in pixels
    angle: float  # radians
    stretch: float  # height / width before rotation


def _contours(shape: _Shape) -> list[np.ndarray]:
    """Outlines (P, 2) in pixels; the second of a ring is its hole."""

    def polygon(radii: np.ndarray, phase: float = 0.0) -> np.ndarray:
        t = phase + np.arange(len(radii)) * (2 * np.pi / len(radii))
        points = np.stack([radii * np.cos(t), radii * np.sin(t) * shape.stretch], axis=1)
        c, s = np.cos(shape.angle), np.sin(shape.angle)
        return points @ np.array([[c, s], [-s, c]]) * shape.radius + np.array(shape.center)

    name = THINGS[shape.label]
    if name == 'circle':
        return [polygon(np.ones(40))]
    if name == 'ring':
        return [polygon(np.ones(40)), polygon(np.full(40, 0.52))]
    if name == 'square':
        return [polygon(np.ones(4), np.pi / 4)]
    if name == 'triangle':
        return [polygon(np.ones(3))]
    return [polygon(np.tile([1.0, 0.45], 5))]


def _coverage(shape: _Shape, size: int) -> np.ndarray:
    """(H, W) float32 in [0, 1]: the part of each pixel that the shape covers."""
    canvas = np.zeros((size * _OVERSAMPLE, size * _OVERSAMPLE), np.uint8)
    fraction_bits = 3
    points = [
        np.round((c * _OVERSAMPLE - 0.5) * (1 << fraction_bits)).astype(np.int32).reshape(-1, 1, 2)
        for c in _contours(shape)
    ]
    cv2.fillPoly(canvas, points, 255, lineType=cv2.LINE_8, shift=fraction_bits)
    return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _place_shapes(rng: np.random.Generator, size: int) -> list[_Shape]:
    """1 to 8 shapes, bottom to top; half of them beside or over an earlier one, mostly of its class."""
    smallest, largest = (r * size / 128 for r in RADIUS_RANGE)
    shapes: list[_Shape] = []
    for _ in range(int(rng.integers(2, 9))):
        radius = float(np.exp(rng.uniform(np.log(smallest), np.log(largest))))
        label = int(rng.integers(len(THINGS)))
        center = rng.uniform(0.06 * size, 0.94 * size, 2)
        if shapes and rng.random() < 0.5:
            near = shapes[int(rng.integers(len(shapes)))]
            direction = rng.uniform(0, 2 * np.pi)
            distance = (near.radius + radius) * rng.uniform(0.5, 1.0)
            center = np.array(near.center) + distance * np.array([np.cos(direction), np.sin(direction)])
            if rng.random() < 0.7:
                label = near.label
                radius = float(np.clip(near.radius * rng.uniform(0.7, 1.4), smallest, largest))
        center = np.clip(center, 0.06 * size, 0.94 * size)
        shapes.append(
            _Shape(
                label=label,
                center=(float(center[0]), float(center[1])),
                radius=radius,
                angle=float(rng.uniform(0, 2 * np.pi)),
                stretch=float(rng.uniform(0.8, 1.0)),
            )
        )
    return shapes


def _stack(covers: list[np.ndarray], size: int) -> np.ndarray:
    instance_map = np.zeros((size, size), np.int32)
    for k, cover in enumerate(covers, start=1):
        instance_map[cover >= 0.5] = k
    return instance_map


def _drop_hidden(shapes: list[_Shape], size: int) -> tuple[list[_Shape], list[np.ndarray], np.ndarray]:
    """Remove shapes of which too little is seen, the most hidden first; the top one always stays."""
    minimum = MIN_VISIBLE_PIXELS * (size / 128) ** 2
    shapes, covers = list(shapes), [_coverage(shape, size) for shape in shapes]
    whole = [max(int((cover >= 0.5).sum()), 1) for cover in covers]
    while True:
        instance_map = _stack(covers, size)
        seen = np.bincount(instance_map.ravel(), minlength=len(shapes) + 1)[1:]
        hidden = [
            (seen[k] / whole[k], k)
            for k in range(len(shapes) - 1)
            if seen[k] < minimum or seen[k] < MIN_VISIBLE_FRACTION * whole[k]
        ]
        if not hidden:
            return shapes, covers, instance_map
        k = min(hidden)[1]
        del shapes[k], covers[k], whole[k]


def _waves(rng: np.random.Generator, size: int, period: float) -> np.ndarray:
    """(H, W) float32 in [-1, 1]: stripes of a random direction, ``period`` pixels apart."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    across = x * np.cos(angle) + y * np.sin(angle)
    return np.sin(across * (2 * np.pi / period) + rng.uniform(0, 2 * np.pi)).astype(np.float32)


def _cloud(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """(H, W) float32 in about [-1, 1]: smooth noise of ``cells`` bumps a side."""
    grid = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)


def _color(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> np.ndarray:
    """(3,) float32 BGR in [0, 255] of a random hue."""
    hsv = np.array([[[rng.uniform(0, 360), rng.uniform(*saturation), rng.uniform(*value)]]], np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0] * 255


def _background(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Image (H, W, 3) float32 and its stuff map (H, W) uint8: two textures along a wavy border, then clutter."""
    scale = size / 128
    field = _waves(rng, size, size * rng.uniform(1.6, 3.0)) + 0.35 * _cloud(rng, size, 4) + rng.uniform(-0.6, 0.6)
    stuff_map = (field > 0).astype(np.uint8)
    grain = _color(rng, (0.1, 0.5), (0.25, 0.75)) + 28 * _cloud(rng, size, 24)[..., None]
    stripes = _color(rng, (0.1, 0.5), (0.25, 0.75)) + 26 * _waves(rng, size, rng.uniform(5, 11) * scale)[..., None]
    image = np.where(stuff_map[..., None] > 0, stripes, grain).astype(np.float32)
    image += 20 * _cloud(rng, size, 3)[..., None]
    for _ in range(int(rng.integers(4, 12))):
        start = rng.uniform(0, size, 2)
        end = start + rng.normal(0, 22 * scale, 2)
        color = _color(rng, (0.0, 0.8), (0.2, 0.9)).tolist()
        first, last = (tuple(int(v) for v in np.round(p)) for p in (start, end))
        if rng.random() < 0.6:
            cv2.line(image, first, last, color, max(1, round(scale)), cv2.LINE_AA)
        else:
            cv2.circle(image, first, max(1, round(rng.uniform(1, 2.5) * scale)), color, -1, cv2.LINE_AA)
    return image, stuff_map


def _paint(rng: np.random.Generator, image: np.ndarray, shape: _Shape, cover: np.ndarray, behind: np.ndarray) -> None:
    """Blend one shape into ``image`` in place; ``behind`` (3,) is the colour that it must differ from."""
    size = image.shape[0]
    color = _color(rng, (0.35, 1.0), (0.35, 1.0))
    for _ in range(4):
        if np.abs(color - behind).max() > 80:
            break
        color = _color(rng, (0.35, 1.0), (0.35, 1.0))
    kind = rng.random()
    texture: np.ndarray = np.zeros((size, size), np.float32)
    if kind < 0.35:
        texture = 0.16 * _waves(rng, size, rng.uniform(4, 9) * size / 128)
    elif kind < 0.7:
        texture = 0.2 * _cloud(rng, size, 20)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    light = rng.uniform(0, 2 * np.pi)
    shade = ((x - shape.center[0]) * np.cos(light) + (y - shape.center[1]) * np.sin(light)) / shape.radius
    # A darker rim keeps touching instances of one color apart.
    inside = cv2.blur(cover, (3, 3))
    rim = 0.45 * np.clip(1.0 - inside, 0, 1) * cover
    gain = 1.0 + texture + 0.18 * np.clip(shade, -1, 1) - rim
    alpha = cover[..., None]
    image *= 1 - alpha
    image += alpha * (color * gain[..., None])


def draw_scene(seed: int, split: int, index: int, size: int = 128) -> Scene:
    """The scene of image ``index`` of a split.

    Args:
        seed, split, index: non-negative; the only source of randomness.
        size: side of the square image in pixels, at least 32.
    """
    if size < 32:
        raise UserError(f'size must be at least 32 pixels for shapes to be told apart, got {size}')
    rng = np.random.default_rng([seed, split, index])
    shapes, covers, instance_map = _drop_hidden(_place_shapes(rng, size), size)
    image, stuff_map = _background(rng, size)
    for shape, cover in zip(shapes, covers, strict=True):
        # The mean color under the shape, so that it stands out from what it lies on.
        behind = np.array(cv2.mean(image, (cover > 0.5).astype(np.uint8))[:3], np.float32)
        _paint(rng, image, shape, cover, behind)
    image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 0.7)))
    image = image * rng.uniform(0.8, 1.15) + rng.uniform(-12, 12)
    image += rng.normal(0, rng.uniform(2, 7), image.shape)
    return Scene(
        image=np.clip(np.round(image), 0, 255).astype(np.uint8),
        instance_map=instance_map,
        labels=tuple(shape.label for shape in shapes),
        stuff_map=stuff_map,
    )
