"""Cheap checks of image files: existence for all, headers for some, pixels on demand."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
_TAILS = {'JPEG': b'\xff\xd9', 'PNG': b'IEND\xaeB`\x82'}


@dataclass(frozen=True)
class Header:
    """Size of an image as OpenCV's colour reader delivers it, EXIF orientation applied."""

    width: int
    height: int
    rotated: bool
    mode: str  # Pillow's: L, RGB, I;16, ...


def read_header(path: Path, decode: bool = False) -> Header:
    """Read the header of an image file, and its pixels if ``decode`` or if its end looks cut off.

    Raises:
        OSError: missing, unreadable or truncated file; the message says which.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        # Colour profiles and sizes that Pillow warns of are none of this check's business.
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with Image.open(path) as image:
                (width, height), mode = image.size, image.mode
                # In a file with an own ending, a missing ending means that the rest is missing too.
                if decode or not _has_tail(path, image.format or ''):
                    image.load()
                orientation = _orientation(image)
    except UnidentifiedImageError:
        return _read_with_opencv(path)
    except (SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        # What Pillow's format plugins raise on damaged headers.
        raise OSError(f'damaged file ({error})') from error
    if orientation in _SIDEWAYS:
        width, height = height, width
    return Header(width, height, orientation in _SIDEWAYS, mode)


def _orientation(image: Any) -> int:
    """EXIF orientation 1..8 of an opened image, without decoding it."""
    from PIL import Image

    if image.format != 'PNG':
        return image.getexif().get(_EXIF_ORIENTATION, 1)
    # Pillow decodes a whole PNG to look for EXIF data after the pixels; writers put it before them.
    exif = Image.Exif()
    exif.load(image.info.get('exif', b''))
    return exif.get(_EXIF_ORIENTATION, 1)


def _has_tail(path: Path, image_format: str) -> bool:
    tail = _TAILS.get(image_format)
    if tail is None:
        return True
    with open(path, 'rb') as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - 64))
        return tail in stream.read()


def _read_with_opencv(path: Path) -> Header:
    """For formats that OpenCV reads and Pillow does not."""
    import cv2

    data = np.fromfile(path, np.uint8)
    if data.size == 0:
        raise OSError('the file is empty')
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise OSError('neither Pillow nor OpenCV recognises the file as an image')
    return Header(image.shape[1], image.shape[0], False, 'unknown')


def read_label_map(path: Path) -> np.ndarray | None:
    """A label map as mmseg's ``LoadAnnotations`` reads it: (H, W), palette images as their indices; (H, W, channels)
    of a coloured image; None for a file that is no image.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with Image.open(path) as image:
                return np.array(image)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return None


def spread(total: int, wanted: int | None) -> list[int]:
    """At most ``wanted`` indices, evenly spread over 0..total-1; None means all."""
    if wanted is None or wanted >= total:
        return list(range(total))
    return [i * total // wanted for i in range(wanted)]


def missing_files(folder: Path, names: Sequence[str]) -> Iterator[int]:
    """Indices of the names that do not exist under ``folder``; one listing a folder, no stat a file."""
    listings: dict[str, set[str]] = {}
    for i, name in enumerate(names):
        parent, base = os.path.split(os.path.join(folder, name))
        if parent not in listings:
            listings[parent] = set(os.listdir(parent)) if os.path.isdir(parent) else set()
        if base not in listings[parent]:
            yield i
