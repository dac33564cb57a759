"""Tables of objects for the tests of mmseg_plugins.analysis: boxes whose masks fill them."""

import numpy as np

from mmseg_plugins.planning.objects import Objects


def table(inputs, boxes, labels=None, pad_divisor=32):
    """Objects of inputs of the given (height, width), one list of x1 y1 x2 y2 an input; masks fill the boxes."""
    boxes = [np.array(one, float).reshape(-1, 4) for one in boxes]
    counts = np.array([len(one) for one in boxes])
    joined = np.concatenate(boxes)
    sides = joined[:, 2:] - joined[:, :2]
    number = len(joined)
    return Objects(
        image=np.repeat(np.arange(len(counts)), counts),
        boxes=joined,
        labels=np.zeros(number, int) if labels is None else np.array(labels),
        centers=(joined[:, :2] + joined[:, 2:] - 1) / 2,
        areas=sides.prod(axis=1).astype(int),
        shared=np.zeros(number, int),
        inputs=np.array(inputs),
        covered=np.array([[int(sides.prod(axis=1).sum()), 0]]),
        whole_counts=counts,
        pad_divisor=pad_divisor,
    )


def scattered(seed=0, inputs=3, objects=40, size=(96, 150), sides=(4, 60)):
    """Boxes of random places and shapes, some partly outside of what a crop would leave but inside the input."""
    rng = np.random.RandomState(seed)
    boxes = []
    for _ in range(inputs):
        corner = rng.uniform(0, [size[1] - 6, size[0] - 6], (objects, 2))
        side = np.exp(rng.uniform(*np.log(sides), (objects, 2)))
        boxes.append(np.concatenate([corner, np.minimum(corner + side, [size[1], size[0]])], axis=1))
    return table([size] * inputs, boxes)
