"""Image files: reading, writing, sizes and names, at any path and with errors that name the file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError

#: Suffixes that the tools take for images when they are given a folder.
IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


def decode_file(path: str | os.PathLike[str], flags: int = cv2.IMREAD_COLOR) -> np.ndarray | None:
    """What OpenCV makes of an image file, whatever characters its path has; None where it can make nothing of it.

    The file is decoded from memory: OpenCV then refuses a truncated one, where
    its reader of files would fill the missing part of a JPEG with gray.
    """
    return decode_bytes(np.fromfile(path, np.uint8), flags)


def decode_bytes(data: bytes | np.ndarray, flags: int = cv2.IMREAD_COLOR) -> np.ndarray | None:
    """What OpenCV makes of the bytes of an image file; None where it can make nothing of them."""
    data = np.frombuffer(data, np.uint8)
    try:
        return cv2.imdecode(data, flags) if len(data) else None
    except cv2.error:  # more pixels than OpenCV takes
        return None


def read_image(path: str | os.PathLike[str], flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Read an image as uint8 (H, W, 3), BGR, turned upright by its EXIF tag, or as OpenCV's ``flags`` say.

    Raises:
        UserError: no such file, no image, or a damaged one.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f'image {path} does not exist')
    image = decode_file(path, flags)
    if image is None:
        raise UserError(f'image {path} cannot be read: {reason_unreadable(path)}')
    return image


def reason_unreadable(path: Path) -> str:
    """Why a file is no image, in Pillow's words, which are clearer than OpenCV's (it has none)."""
    from PIL import Image

    if not path.stat().st_size:
        return 'the file is empty'
    try:
        with Image.open(path) as probe:
            probe.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return str(error)
    return 'OpenCV cannot decode it'


def save_image(path: str | os.PathLike[str], image: np.ndarray, quality: int | None = None) -> Path:
    """Write an image whole or not at all, in the format its suffix names; parent folders are made.

    Args:
        quality: 1 to 100, of a JPEG; None is OpenCV's 95.
    """
    path = Path(path)
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise UserError(f'image {path} cannot be written: its name ends in none of {", ".join(IMAGE_SUFFIXES)}')
    jpeg = path.suffix.lower() in ('.jpg', '.jpeg')
    options = [] if quality is None or not jpeg else [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, data = cv2.imencode(path.suffix, image, options)
    if not done:
        raise UserError(f'image {path} cannot be encoded (shape {image.shape}, {image.dtype})')
    atomic_write_bytes(str(path), data.tobytes(), durable=False)
    return path


def png_bytes(image: np.ndarray) -> bytes:
    """The PNG file of an array (H, W) or (H, W, 1, 3 or 4) of uint8 or uint16, in OpenCV's order of channels."""
    return bytes(cv2.imencode('.png', image)[1].tobytes())


def files_below(folder: str | os.PathLike[str], suffixes: Sequence[str] = IMAGE_SUFFIXES) -> list[Path]:
    """Files with these suffixes (in any case) below a folder, sorted; hidden ones are none, links are followed."""
    found, seen = [], set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith('.'))
        if real not in seen:
            found += [Path(place, name) for name in names
                      if not name.startswith('.') and Path(name).suffix.lower() in suffixes]
        seen.add(real)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def list_images(folder: str | os.PathLike[str], but_below: Iterable[Path] = (),
                suffixes: Sequence[str] = IMAGE_SUFFIXES) -> list[Path]:
    """What :func:`files_below` finds, without what lies below some subfolders."""
    files = [path for path in files_below(folder, suffixes) if path.is_file()]
    hidden = {path.resolve() for path in but_below}
    return [path for path in files if hidden.isdisjoint(path.resolve().parents)] if hidden else files


def read_label_map(path: Path) -> np.ndarray | None:
    """A label map as mmseg's ``LoadAnnotations`` reads it: (H, W), palette images as their indices; (H, W, channels)
    of a colored image; None for a file that is no image.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with Image.open(path) as image:
                return np.array(image)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return None


def missing_files(folder: Path, names: Sequence[str]) -> Iterator[int]:
    """Indices of the names that do not exist under ``folder``, or are links to nothing.

    One listing a folder, and a stat for links alone: sets have 100,000 files on slow disks.
    """
    listings: dict[str, set[str]] = {}
    for i, name in enumerate(names):
        parent, base = os.path.split(os.path.join(folder, name))
        if parent not in listings:
            listings[parent] = _existing(parent) if os.path.isdir(parent) else set()
        if base not in listings[parent]:
            yield i


def _existing(folder: str) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if not entry.is_symlink() or os.path.exists(entry.path)}


def as_bgr(image: np.ndarray) -> np.ndarray:
    """Any (H, W), (H, W, 1), (H, W, 3) or (H, W, C) array as a displayable uint8 BGR image.

    Values that are not uint8 (normalized inputs) are stretched from their own
    minimum..maximum to 0..255; of more than three channels the first three are shown.
    """
    if image.ndim == 2:
        image = image[:, :, None]
    if image.dtype != np.uint8:
        image = image.astype(np.float32)
        low, high = float(np.nanmin(image, initial=0)), float(np.nanmax(image, initial=1))
        image = np.nan_to_num((image - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
    image = np.repeat(image[:, :, :1], 3, axis=2) if image.shape[2] < 3 else image[:, :, :3]
    return np.ascontiguousarray(image)
