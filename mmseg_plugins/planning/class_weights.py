"""Class weights from pixel counts: median frequency, ENet's and LinkNet's.

Papers: median frequency balancing, "Predicting Depth, Surface Normals and Semantic Labels with a Common Multi-Scale
Convolutional Architecture", https://arxiv.org/abs/1411.4734, section 6.3.2, as SegNet uses it; "ENet",
https://arxiv.org/abs/1606.02147, section 5.2; "LinkNet", https://arxiv.org/abs/1707.03718, with the formula of its
code, https://github.com/e-lab/LinkNet.

Published implementations differ in whether unlabeled (void) pixels count in the totals: ``void_in_total``.  They
never get a weight.

Shapes: I images, C classes.  All numbers are float64.
"""

from __future__ import annotations

import numpy as np

from mmseg_plugins.utils.errors import UserError

ENET_C = 1.02


def _checked(counts: np.ndarray, void: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts, void = np.asarray(counts, np.float64), np.asarray(void, np.float64)
    if counts.ndim != 2 or void.shape != counts.shape[:1]:
        raise ValueError(
            f'class weights need counts (images, classes) and void (images,), got {counts.shape} and {void.shape}',
        )
    if not counts.sum():
        raise UserError('class weights of label maps without a labelled pixel are undefined; give images with labels')
    return counts, void


def median_frequency(counts: np.ndarray, void: np.ndarray, void_in_total: bool = True) -> np.ndarray:
    """median(f) / f, where f = pixels of the class / all pixels of the images that hold it; 0 for an absent class.

    Args:
        counts: (I, C), pixels of each class in each image.
        void: (I,), pixels of each image without a class.
        void_in_total: Whether ``void`` is part of "all pixels".

    Returns:
        (C,), 1 for a class of median frequency; the median is over the classes that occur, the mean of the middle
        two where their number is even.
    """
    counts, void = _checked(counts, void)
    size = counts.sum(axis=1) + (void if void_in_total else 0)
    pixels = counts.sum(axis=0)
    held = ((counts > 0) * size[:, None]).sum(axis=0)  # pixels of the images that hold the class
    frequency = np.divide(pixels, held, out=np.zeros_like(pixels), where=held > 0)
    median = np.median(frequency[frequency > 0])
    return np.divide(median, frequency, out=np.zeros_like(pixels), where=frequency > 0)


def enet(counts: np.ndarray, void: np.ndarray, c: float = ENET_C, void_in_total: bool = True) -> np.ndarray:
    """1 / ln(c + p), where p is the class's share of all pixels: (C,), in (1 / ln(c + 1), 1 / ln c]; 0 if absent.

    Args:
        counts, void, void_in_total: As in :func:`median_frequency`.
        c: Above 1.  1.02 limits weights to 50.5, 1.10 to 10.5.

    Raises:
        ValueError: ``c`` of 1 or less.
    """
    if c <= 1:
        raise UserError(f'c={c} in 1 / ln(c + p): it must be above 1 for finite weights above 0; ENet uses {ENET_C}')
    counts, void = _checked(counts, void)
    pixels = counts.sum(axis=0)
    share = pixels / (pixels.sum() + (void.sum() if void_in_total else 0))
    return np.where(pixels > 0, 1 / np.log(c + share), 0.0)


def linknet(counts: np.ndarray, void: np.ndarray) -> np.ndarray:
    """1 / ln(1.02 + n / max n) of each class's pixels n: (C,), 1.42 for the most frequent class; 0 if absent."""
    counts, void = _checked(counts, void)
    pixels = counts.sum(axis=0)
    return np.where(pixels > 0, 1 / np.log(1.02 + pixels / pixels.max()), 0.0)
