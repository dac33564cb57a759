"""Kinds of image files, sound and damaged, for sets of every kind: each function spoils the first image of a folder."""

from __future__ import annotations

import io
import struct
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

Damage = Callable[[Path], None]
THIN = ((3000, 3), (2, 500), (61, 7))  # sizes of images, width and height, that a resize makes nothing or little of


def first(root: Path, folder: str) -> Path:
    return sorted((root / folder).iterdir())[0]


def _rewrite(folder: str, make: Callable[[Image.Image], Image.Image], kind: str = 'PNG', **options: Any) -> Damage:
    def spoil(root: Path) -> None:
        path = first(root, folder)
        with Image.open(path) as image:
            made = make(image.convert('RGB'))
        made.save(path, format=kind, **options)
    return spoil


def _encode(folder: str, make: Callable[[np.ndarray], np.ndarray], suffix: str = '.png') -> Damage:
    def spoil(root: Path) -> None:
        path = first(root, folder)
        path.write_bytes(cv2.imencode(suffix, make(cv2.imread(str(path))))[1].tobytes())
    return spoil


def _bytes(folder: str, make: Callable[[bytes], bytes]) -> Damage:
    def spoil(root: Path) -> None:
        path = first(root, folder)
        path.write_bytes(make(path.read_bytes()))
    return spoil


def _replace(folder: str, put: Callable[[Path, bytes, Path], object]) -> Damage:
    """Take the first file away, and let ``put(path, its bytes, root)`` write something in its place."""
    def spoil(root: Path) -> None:
        path = first(root, folder)
        data = path.read_bytes()
        path.unlink()
        put(path, data, root)
    return spoil


def _link(path: Path, data: bytes, root: Path) -> None:
    (root / 'elsewhere.png').write_bytes(data)
    path.symlink_to(root / 'elsewhere.png')


def _linked_folder(folder: str) -> Damage:
    def spoil(root: Path) -> None:
        (root / folder).rename(root / 'elsewhere')
        (root / folder).symlink_to(root / 'elsewhere')
    return spoil


def _beside(folder: str, name: str, data: bytes) -> Damage:
    def spoil(root: Path) -> None:
        path = root / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return spoil


def _png(width: int, height: int, data: bytes, interlaced: bool = False) -> bytes:
    """A PNG of RGB with 8 bits, of unpacked ``data``."""
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, int(interlaced))
    chunks = [(b'IHDR', header), (b'IDAT', zlib.compress(data)), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(part)) + kind + part + struct.pack('>I', zlib.crc32(kind + part))
        for kind, part in chunks)


def _interlaced(data: bytes) -> bytes:
    """Adam7: seven passes over the pixels, each row without a filter."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.array(image.convert('RGB'))
    rows = b''
    passes = (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)
    for y, x, dy, dx in passes:
        rows += b''.join(b'\0' + row.tobytes() for row in pixels[y::dy, x::dx])
    return _png(pixels.shape[1], pixels.shape[0], rows, True)


def _flip_middle(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1:]


def _transparent(image: Image.Image) -> Image.Image:
    image = image.convert('RGBA')
    image.putalpha(0)
    return image


def _pixels(folder: str) -> dict[str, Damage]:
    """Formats and kinds of values of the first image."""
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = dict(save_all=True, append_images=[Image.new('RGB', (64, 64))])
    return {
        'EXIF orientation': _rewrite(folder, lambda image: image, 'JPEG', exif=exif),
        'EXIF orientation, oblong': _rewrite(folder, lambda image: image.resize((64, 48)), 'JPEG', exif=exif),
        'EXIF orientation of a PNG': _rewrite(folder, lambda image: image, 'PNG', exif=exif),
        'EXIF orientation of a TIFF': _rewrite(folder, lambda image: image.resize((64, 48)), 'TIFF', exif=exif),
        'CMYK': _rewrite(folder, lambda image: image.convert('CMYK'), 'JPEG'),
        'CMYK in a TIFF': _rewrite(folder, lambda image: image.convert('CMYK'), 'TIFF'),
        'RGBA': _rewrite(folder, lambda image: image.convert('RGBA')),
        'transparent': _rewrite(folder, _transparent),
        'gray': _rewrite(folder, lambda image: image.convert('L')),
        'gray and alpha': _rewrite(folder, lambda image: image.convert('LA')),
        'one bit': _rewrite(folder, lambda image: image.convert('1')),
        'palette': _rewrite(folder, lambda image: image.convert('P')),
        'palette with a transparent color': _rewrite(folder, lambda image: image.convert('P'), transparency=0),
        '16 bits': _encode(folder, lambda image: image[..., 0].astype(np.uint16) * 257),
        '16 bits, colored': _encode(folder, lambda image: image.astype(np.uint16) * 257),
        '12 bits in 16': _encode(folder, lambda image: image.astype(np.uint16) * 11),
        'TIFF of floats': _rewrite(folder, lambda image: image.convert('F'), 'TIFF'),
        'TIFF of colored floats': _encode(folder, lambda image: image.astype(np.float32) / 255, '.tiff'),
        'TIFF of integers': _rewrite(folder, lambda image: image.convert('I'), 'TIFF'),
        'TIFF of two pages': _rewrite(folder, lambda image: image, 'TIFF', **frames),
        'HDR': _encode(folder, lambda image: image.astype(np.float32) / 255, '.hdr'),
        'GIF': _rewrite(folder, lambda image: image.convert('P'), 'GIF'),
        'GIF that moves': _rewrite(folder, lambda image: image.resize((64, 64)), 'GIF', **frames),
        'WebP': _rewrite(folder, lambda image: image, 'WEBP'),
        'WebP that moves': _rewrite(folder, lambda image: image.resize((64, 64)), 'WEBP', **frames),
        'PNG that moves': _rewrite(folder, lambda image: image.resize((64, 64)), 'PNG', **frames),
        'PNG, interlaced': _bytes(folder, _interlaced),
        'BMP': _rewrite(folder, lambda image: image, 'BMP'),
        'ICO': _rewrite(folder, lambda image: image.resize((64, 64)), 'ICO', sizes=[(64, 64)]),
        'JPEG 2000': _rewrite(folder, lambda image: image, 'JPEG2000'),
        'PDF': _rewrite(folder, lambda image: image, 'PDF'),
        'TGA': _rewrite(folder, lambda image: image, 'TGA'),
        'another size': _rewrite(folder, lambda image: image.resize((32, 32))),
        'one pixel': _rewrite(folder, lambda image: image.resize((1, 1))),
        '10^10 pixels': _bytes(folder, lambda data: _png(100_000, 100_000, bytes(99))),
        'no pixels': _bytes(folder, lambda data: _png(0, 64, bytes(99))),
    }


def image_files(folder: str) -> dict[str, Damage]:
    """Kinds of damage to the first image, by name, of a ``folder`` below the set's."""
    return {
        **_pixels(folder),
        'truncated': _bytes(folder, lambda data: data[:200]),
        'cut in the middle': _bytes(folder, lambda data: data[:len(data) // 2]),
        'a byte changed': _bytes(folder, _flip_middle),
        'bytes behind the end': _bytes(folder, lambda data: data + bytes(99)),
        'truncated BMP': _cut(_rewrite(folder, lambda image: image, 'BMP'), folder),
        'truncated TIFF': _cut(_rewrite(folder, lambda image: image, 'TIFF'), folder),
        'truncated JPEG': _cut(_rewrite(folder, lambda image: image, 'JPEG'), folder),
        'empty file': _bytes(folder, lambda data: b''),
        'text': _bytes(folder, lambda data: b'no image'),
        'link': _replace(folder, _link),
        'linked folder': _linked_folder(folder),
        'dangling link': _replace(folder, lambda path, data, root: path.symlink_to(root / 'nowhere.png')),
        'missing': _replace(folder, lambda path, data, root: None),
        'a folder': _replace(folder, lambda path, data, root: path.mkdir()),
        'hidden file': _beside(folder, '._0.png', b'rubbish'),
        'file of a viewer': _beside(folder, 'Thumbs.db', b'rubbish'),
        'hidden folder': _beside(folder, '.ipynb_checkpoints/0-checkpoint.png', b'rubbish'),
    }


def _cut(write: Damage, folder: str) -> Damage:
    def spoil(root: Path) -> None:
        write(root)
        _bytes(folder, lambda data: data[:-200])(root)
    return spoil


NFC, NFD = (unicodedata.normalize(form, 'grün ü.png') for form in ('NFC', 'NFD'))
#: Names of an image: as the lists and JSONs write it, and as it is called on disk.
NAMES = {
    'NFC': (NFC, NFC), 'NFD': (NFD, NFD), 'NFC, on disk NFD': (NFC, NFD), 'NFD, on disk NFC': (NFD, NFC),
    'a backslash': ('a\\b.png', 'a\\b.png'), 'percent and number sign': ('50%20#1?.png', '50%20#1?.png'),
    'capitals': ('A.PNG', 'A.PNG'), 'capitals on disk': ('a.png', 'A.PNG'), 'a space at the end': ('a .png', 'a .png'),
    'a space after the suffix': ('a.png ', 'a.png '), '250 letters': ('x' * 246 + '.png', 'x' * 246 + '.png'),
    'a picture sign': ('\U0001f642.png', '\U0001f642.png'), 'quotes': ('a\'b"c.png', 'a\'b"c.png'),
    'a dash': ('-rf.png', '-rf.png'), 'two suffixes': ('a.tar.png', 'a.tar.png'), 'no suffix': ('a', 'a'),
    'a subfolder': ('sub/a.png', 'sub/a.png'), 'a way up': ('../images/a.png', 'a.png'),
}
