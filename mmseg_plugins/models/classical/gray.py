"""One number a pixel: the channel that a method looks at, smoothed, and in 256 steps.

Shapes: images (H, W, 3) or (H, W, 1) of any numeric type, BGR; maps (H, W).
"""

from __future__ import annotations

import cv2
import numpy as np

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean

_BLUE_GREEN_RED = ('blue', 'green', 'red')
CHANNELS = ('gray', *_BLUE_GREEN_RED, 'saturation', 'value')


def channel_of(image: np.ndarray, channel: str = 'gray') -> np.ndarray:
    """A channel as (H, W) float32, in the units of the image; saturation within 0..1.

    Args:
        image: With one channel it is taken as it is, whatever ``channel`` says.
        channel: One of :data:`CHANNELS`; ``gray`` is .299 R + .587 G + .114 B, ``value`` the largest of the three.

    Raises:
        UserError: another name, or an image of neither one nor three channels.
    """
    if channel not in CHANNELS:
        raise UserError(f'channel={channel!r}{did_you_mean(channel, CHANNELS)}', rule=f'one of {", ".join(CHANNELS)}.',
                        fix='correct channel.')
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise UserError(f'an image of shape {image.shape} has neither one nor three channels.',
                        fix="load it in color (LoadImageFromFile's color_type='color').")
    pixels = np.ascontiguousarray(image, np.float32)
    if image.shape[2] == 1:
        return pixels[..., 0]
    if channel in _BLUE_GREEN_RED:
        return np.ascontiguousarray(pixels[..., _BLUE_GREEN_RED.index(channel)])
    if channel == 'gray':
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return np.ascontiguousarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV)[..., 1 if channel == 'saturation' else 2])


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur (H, W) -> (H, W); ``sigma`` in px, 0 for none."""
    return cv2.GaussianBlur(values, (0, 0), sigma) if sigma > 0 else values


def in_256_steps(values: np.ndarray) -> np.ndarray:
    """The range of a float map spread over 0..255, uint8: thresholds see 256 steps whatever the bits of the file."""
    low, high = float(values.min()), float(values.max())
    return np.round((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
