"""Segment ids of COCO panoptic PNG files: id = R + 256 * G + 65536 * B; 0 is void."""

from __future__ import annotations

import cv2
import numpy as np

from mmseg_plugins.utils.errors import UserError


def decode_ids(data: bytes, name: str = '') -> np.ndarray:
    """Bytes of a panoptic PNG -> ids (H, W) int32.

    Raises:
        ValueError: not an image; ``name`` is part of the message.
    """
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise UserError(f'panoptic map {name!r} cannot be decoded: it is no whole PNG.', fix='write it anew')
    return ids_of_bgr(bgr)


def ids_of_bgr(bgr: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) in OpenCV's order B, G, R -> ids (H, W) int32."""
    blue, green, red = (bgr[..., channel].astype(np.int32) for channel in range(3))
    return red + 256 * green + 65536 * blue


def ids_as_bgr(ids: np.ndarray) -> np.ndarray:
    """Ids (H, W), 0..2^24 - 1 -> uint8 (H, W, 3) in OpenCV's order B, G, R."""
    return np.stack([ids >> 16 & 255, ids >> 8 & 255, ids & 255], axis=2).astype(np.uint8)
