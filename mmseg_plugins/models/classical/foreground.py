"""Which pixels are objects: thresholds and k-means.

Functions take an image (H, W, 3), BGR, and give a map (H, W) bool.  "Side" is the part of the image on one side of a
threshold: nuclei are the bright side of a fluorescence image and the dark side of stained tissue.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from mmseg_plugins.models.classical.gray import channel_of, in_256_steps, smooth
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.optional import scikit_image

POLARITIES = ('auto', 'bright', 'dark')


def choose_side(bright: np.ndarray, polarity: str) -> np.ndarray:
    """The objects' side of a threshold: the bright pixels (H, W), the others, or (``auto``) the rarer of both.

    Raises:
        UserError: another polarity.
    """
    if polarity not in POLARITIES:
        raise UserError(f'polarity={polarity!r}.', rule=f'one of {", ".join(POLARITIES)}.', fix='correct polarity.')
    dark = polarity == 'dark' or (polarity == 'auto' and bright.mean() > 0.5)
    return ~bright if dark else bright


def otsu(image: np.ndarray, *, channel: str = 'gray', sigma: float = 1.0, polarity: str = 'auto') -> np.ndarray:
    """Otsu's global threshold of a smoothed channel.

    Paper: "A threshold selection method from gray-level histograms", IEEE Trans. SMC 1979; OpenCV's ``threshold``.
    """
    steps = in_256_steps(smooth(channel_of(image, channel), sigma))
    threshold, _ = cv2.threshold(steps, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return choose_side(steps > threshold, polarity) if steps.any() else np.zeros(steps.shape, bool)  # one color


def adaptive(image: np.ndarray, *, channel: str = 'gray', sigma: float = 1.0, polarity: str = 'auto', block: int = 51,
             offset: float = 5.0) -> np.ndarray:
    """A threshold of each pixel's own: the Gaussian mean of ``block`` x ``block`` px around it.

    Args:
        offset: How far beyond that mean an object lies, in steps of 1/255 of the image's range.  What counts as bright
            and dark, and which of both is rarer, follows Otsu's threshold.

    Raises:
        UserError: an even or too small block.
    """
    if block < 3 or block % 2 == 0:
        raise UserError(f'block={block}.', rule='an odd number of px, at least 3.',
                        fix=f'block={max(block // 2 * 2 + 1, 3)}.')
    steps = in_256_steps(smooth(channel_of(image, channel), sigma))
    threshold, _ = cv2.threshold(steps, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright = steps > threshold
    if not steps.any():  # one color
        return bright
    if (choose_side(bright, polarity) == bright).all():
        return cv2.adaptiveThreshold(steps, 1, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, block, -offset) > 0
    return cv2.adaptiveThreshold(steps, 1, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV, block, offset) > 0


def multi_otsu(image: np.ndarray, *, channel: str = 'gray', sigma: float = 1.0, polarity: str = 'auto',
               classes: int = 3) -> np.ndarray:
    """Otsu's thresholds between several classes (Liao et al. 2001; scikit-image): all but the background's class.

    The background is the class at the far end of the objects' side: with ``auto`` the end class with more pixels.
    """
    steps = in_256_steps(smooth(channel_of(image, channel), sigma))
    if len(np.unique(steps)) < classes:  # fewer values than classes: nothing to divide
        return np.zeros(steps.shape, bool)
    thresholds = scikit_image('filters').threshold_multiotsu(steps, classes)
    darkest, brightest = steps <= thresholds[0], steps > thresholds[-1]
    bright = polarity == 'bright' or (polarity == 'auto' and darkest.sum() >= brightest.sum())
    choose_side(brightest, polarity)  # refuses other names
    return ~darkest if bright else ~brightest


def k_means(image: np.ndarray, *, sigma: float = 1.0, clusters: int = 3, seed: int = 0) -> np.ndarray:
    """Colors in ``clusters`` by k-means (OpenCV; k-means++, 3 attempts): all pixels but those of the largest one."""
    colors = smooth(np.ascontiguousarray(image, np.float32), sigma).reshape(image.shape[0] * image.shape[1], -1)
    if len(colors) < clusters:
        return np.zeros(image.shape[:2], bool)
    cv2.setRNGSeed(seed)
    criteria = cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5
    _, labels, _ = cv2.kmeans(colors, clusters, np.zeros(0, np.int32), criteria, 3, cv2.KMEANS_PP_CENTERS)
    return (labels != np.bincount(labels[:, 0]).argmax()).reshape(image.shape[:2])


def clean(mask: np.ndarray, min_area: int, fill_holes: bool = True) -> np.ndarray:
    """A map (H, W) bool with its holes filled, without parts of fewer than ``min_area`` px; parts touch by sides."""
    if fill_holes:
        mask = ndimage.binary_fill_holes(mask)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area
    keep[0] = False
    return keep[parts]
