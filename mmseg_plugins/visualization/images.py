"""Reading and writing image files, at any path and with errors that name the file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from mmseg_plugins.utils.errors import UserError

#: Suffixes that the tools take for images when they are given a folder.
IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')



def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an image as uint8 (H, W, 3), BGR, turned upright by its EXIF tag.

    The file is decoded from memory: OpenCV then refuses a truncated one, where
    its reader of files would fill the missing part of a JPEG with grey.

    Raises:
        UserError: no such file, no image, or a damaged one.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f'image {path} does not exist')
    data = np.fromfile(path, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise UserError(f'image {path} cannot be read: {_reason(path)}')
    return image


def _reason(path: Path) -> str:
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


def save_image(path: str | os.PathLike[str], image: np.ndarray, quality: int = 95) -> Path:
    """Write an image in the format its suffix names; parent folders are made.

    Encoding in memory first keeps non-ASCII paths working on every platform
    and leaves no torn file behind when encoding fails.
    """
    path = Path(path)
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise UserError(f'image {path} cannot be written: its name ends in none of {", ".join(IMAGE_SUFFIXES)}')
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix.lower() in ('.jpg', '.jpeg') else []
    done, data = cv2.imencode(path.suffix, image, options)
    if not done:
        raise UserError(f'image {path} cannot be encoded (shape {image.shape}, {image.dtype})')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())
    return path


def list_images(folder: str | os.PathLike[str], but_below: Iterable[Path] = ()) -> list[Path]:
    """All image files below a folder but some subfolders, sorted by path, told by :data:`IMAGE_SUFFIXES`."""
    root = Path(folder)
    files = [path for path in root.rglob('*') if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    hidden = {path.resolve() for path in but_below}
    if hidden:
        files = [path for path in files if hidden.isdisjoint(path.resolve().parents)]
    return sorted(files, key=lambda path: path.relative_to(root).as_posix())


def as_bgr(image: np.ndarray) -> np.ndarray:
    """Any (H, W), (H, W, 1), (H, W, 3) or (H, W, C) array as a displayable uint8 BGR image.

    Values that are not uint8 (normalised inputs) are stretched from their own
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
