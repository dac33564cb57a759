"""What an image file holds, mostly without decoding it: size as OpenCV loads it, bits a value, whether it is whole."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_plugins.structures.images import decode_file

DARK = 32  # an 8-bit image below this value may be one of 16 bits cut down
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
_COMMON = ('BMP', 'JPEG', 'PNG', 'TIFF', 'WEBP')  # formats that Pillow and OpenCV both read ...
_RARE_MODES = ('F', 'I')  # ... but for values of these kinds
_TAILS = {'JPEG': b'\xff\xd9', 'PNG': b'IEND\xaeB`\x82'}
_CHANNELS = {'1': 1, 'L': 1, 'I': 1, 'I;16': 1, 'F': 1, 'RGB': 3, 'RGBA': 4}
_STRIPS = ((273, 279), (324, 325))  # TIFF tags: offsets and lengths of strips, or of tiles


@dataclass(frozen=True)
class Header:
    """Size of an image as OpenCV's color reader delivers it, EXIF orientation applied."""

    width: int
    height: int
    rotated: bool
    mode: str  # Pillow's: L, RGB, I;16, ...
    bits: int = 8  # of a value in the file
    depth: int | None = None  # channels, where a step of the config has loaded it

    @property
    def channels(self) -> int | None:
        """Channels of the image loaded as it is; None where the mode does not tell."""
        return _CHANNELS.get(self.mode) if self.depth is None else self.depth


def read_header(path: Path, decode: bool = False, flags: int | None = None) -> Header:
    """Read the header of an image file, and its pixels if ``decode`` or if its end looks cut off.

    Args:
        flags: With which OpenCV must decode it; of a common kind that is not tried unless ``decode``.  None asks
            nothing of OpenCV.

    Raises:
        OSError: missing, unreadable or truncated file, or none for OpenCV; the message says which.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        # Color profiles and sizes that Pillow warns of are none of this check's business.
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with Image.open(path) as image:
                kind, mode, bits = image.format or '', image.mode, _bits(image)
                (width, height), orientation = _stored_size(image), _orientation(image)
                # In a file with an own ending, a missing ending means that the rest is missing too.
                if (decode and flags is None) or not _is_whole(image, path):
                    image.load()
    except UnidentifiedImageError:
        return _read_with_opencv(path, flags)
    except Image.DecompressionBombError as error:
        return _read_with_opencv(path, flags, str(error))
    except (SyntaxError, ValueError, EOFError, OverflowError) as error:
        # What Pillow's format plugins raise on damaged headers.
        raise OSError(f'damaged file ({error})') from error
    odd = orientation in _SIDEWAYS and kind not in ('JPEG', 'TIFF')
    if odd or (flags is not None and (decode or kind not in _COMMON or mode in _RARE_MODES)):
        loaded = decode_file(path, cv2.IMREAD_COLOR if flags is None else flags)
        if loaded is None:
            raise OSError(f'OpenCV, with which the config loads images, cannot decode it ({kind}, mode {mode}). '
                          'Fix: save it as PNG of 8 bits')
        if kind not in _COMMON:  # of which Pillow does not tell the bits
            stored = decode_file(path, cv2.IMREAD_UNCHANGED)
            bits = 8 if stored is None else 8 * stored.itemsize
        turned = orientation in _SIDEWAYS and loaded.shape[:2] != (height, width)
        return Header(loaded.shape[1], loaded.shape[0], turned, mode, bits)
    # OpenCV turns a TIFF whatever it is asked for, a JPEG unless it is to leave the pixels as they are.
    if orientation in _SIDEWAYS and (kind == 'TIFF' or flags != cv2.IMREAD_UNCHANGED):
        return Header(height, width, True, mode, bits)
    return Header(width, height, False, mode, bits)


def _bits(image: Any) -> int:
    """Bits of a value of an opened image; Pillow shows colored images of 16 bits as images of 8."""
    if image.mode == 'F' or (image.mode == 'I' and image.format != 'PNG'):
        return 32
    return 16 if image.mode.startswith('I') or any(';16' in str(tile[3]) for tile in image.tile) else 8


def _stored_size(image: Any) -> tuple[int, int]:
    """Width and height before any turning; newer versions of Pillow swap those of a TIFF by themselves."""
    width, height = image.size
    if image.format == 'TIFF':
        width, height = image.tag_v2.get(256, width), image.tag_v2.get(257, height)
    return int(width), int(height)


def _orientation(image: Any) -> int:
    """EXIF orientation 1..8 of an opened image, without decoding it."""
    from PIL import Image

    if image.format != 'PNG':
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    # Pillow decodes a whole PNG to look for EXIF data after the pixels; writers put it before them.
    exif = Image.Exif()
    exif.load(image.info.get('exif', b''))
    return int(exif.get(_EXIF_ORIENTATION, 1))


def _is_whole(image: Any, path: Path) -> bool:
    """Whether the end of the file is there, as far as its format tells."""
    size = os.path.getsize(path)
    if image.format == 'TIFF':
        for offsets, lengths in _STRIPS:
            ends = zip(image.tag_v2.get(offsets, ()), image.tag_v2.get(lengths, ()), strict=False)
            if any(offset + length > size for offset, length in ends):
                return False
        return True
    if image.format == 'BMP' and image.tile and image.tile[0][0] == 'raw':
        rows = image.tile[0][3][1] * image.size[1]  # bytes a row, padded to four
        return bool(image.tile[0][2] + rows <= size)
    tail = _TAILS.get(image.format)
    if tail is None:
        return True
    with open(path, 'rb') as stream:
        stream.seek(max(0, size - 64))
        if tail in stream.read():
            return True
    return False


def _read_with_opencv(path: Path, flags: int | None, why: str = '') -> Header:
    """For formats and sizes that OpenCV reads and Pillow does not; ``why`` is what Pillow says."""
    if not path.stat().st_size:
        raise OSError('the file is empty')
    image = decode_file(path, cv2.IMREAD_COLOR if flags is None else flags)
    stored = decode_file(path, cv2.IMREAD_UNCHANGED)
    said = floats_as_colors(stored, image)
    if said:
        raise OSError(f'OpenCV, with which the config loads images, {said}')
    if image is None:
        raise OSError('neither Pillow nor OpenCV recognises the file as an image' + (f' ({why})' if why else ''))
    bits = 8 * (image if stored is None else stored).itemsize
    return Header(image.shape[1], image.shape[0], False, 'unknown', bits)


def floats_as_colors(stored: np.ndarray | None, image: np.ndarray | None) -> str:
    """What is wrong with an image of floats that OpenCV loads with 8 bits; empty where nothing is.

    OpenCV 4.12 makes colors of its own of three floats a pixel; others read none.
    """
    if stored is None or not (image is None or (stored.dtype.kind == 'f' and image.dtype == np.uint8)):
        return ''
    return (f'cannot make 8 bits of its values ({stored.dtype}). Fix: save it as PNG of 8 bits, or load it with '
            "color_type='unchanged'")


def holds_floats(path: Path) -> bool:
    """Whether an image file may hold floats: all but those of the formats that have none."""
    with open(path, 'rb') as stream:
        head = stream.read(12)
    return not (head.startswith((b'\x89PNG', b'\xff\xd8\xff', b'BM', b'GIF8')) or head[8:] == b'WEBP')


def lost_depth(path: Path) -> str | None:
    """A sentence on an image of more than 8 bits of which loading with 8 leaves little; None for all others."""
    stored = decode_file(path, cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16 or not stored.any() or stored.max() // 256 >= DARK:
        return None
    return (f'{path.name} has 16 bits and a maximum of {stored.max()}; loading it with 8 bits leaves a maximum of '
            f'{stored.max() // 256} of 255. Fix: convert images to 8 bits over their own range, or load them with '
            "color_type='unchanged', for training and prediction alike.")
