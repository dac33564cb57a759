"""Kinds of damage to toy label maps: each function spoils the folder that ``toy_runs.write_toy_label_maps`` wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from damaged_images import NAMES, THIN, Damage, image_files
from PIL import Image


def _map(change: Callable[[np.ndarray], Image.Image], kind: str = 'PNG', everywhere: bool = False) -> Damage:
    def spoil(folder: Path) -> None:
        for path in sorted((folder / 'ann_dir').iterdir())[:None if everywhere else 1]:
            change(np.array(Image.open(path))).save(path, format=kind)
    return spoil


def _palette(labels: np.ndarray) -> Image.Image:
    image = Image.fromarray(labels)
    image.putpalette(np.random.RandomState(0).randint(0, 255, 768).tolist())
    return image


def _with_nan(labels: np.ndarray) -> Image.Image:
    values = labels.astype(np.float32)
    values[9, 9] = np.nan
    return Image.fromarray(values)


def _list(data: bytes) -> Damage:
    return lambda folder: (folder / 'list.txt').write_bytes(data) and None


def _thin(width: int, height: int) -> Damage:
    def spoil(folder: Path) -> None:
        Image.new('RGB', (width, height)).save(folder / 'img_dir' / '0.png')
        Image.new('L', (width, height), 1).save(folder / 'ann_dir' / '0.png')
    return spoil


def _renamed(in_list: str, on_disk: str, listed: bool) -> Damage:
    """Another name for the first image and its map; ``listed`` also writes it, without suffix, into a list."""
    def spoil(folder: Path) -> None:
        for part in ('img_dir', 'ann_dir'):
            target = folder / part / on_disk
            target.parent.mkdir(exist_ok=True)
            (folder / part / '0.png').rename(target)
        if listed:
            (folder / 'list.txt').write_text(f'{in_list.removesuffix(".png")}\n1\n', encoding='utf-8')
    return spoil


def damages() -> dict[str, Damage]:
    """Every kind by name; those that write ``list.txt`` want it as ``ann_file``."""
    kinds: dict[str, Damage] = {
        'sound': lambda folder: None,
        'map: palette': _map(_palette),
        'map: colored': _map(lambda m: Image.fromarray(np.stack([m, m, m], -1))),
        'map: RGBA': _map(lambda m: Image.fromarray(np.stack([m, m, m, m], -1))),
        'map: gray and alpha': _map(lambda m: Image.fromarray(m).convert('LA')),
        'map: one bit': _map(lambda m: Image.fromarray(m == 1)),
        'map: 16 bits': _map(lambda m: Image.fromarray(m.astype(np.uint16))),
        'map: 16 bits beyond': _map(lambda m: Image.fromarray(m.astype(np.uint16) * 1000)),
        'map: 32 bits': _map(lambda m: Image.fromarray(m.astype(np.int32)), 'TIFF'),
        'map: floats': _map(lambda m: Image.fromarray(m.astype(np.float32)), 'TIFF'),
        'map: fractions': _map(lambda m: Image.fromarray(m.astype(np.float32) / 3), 'TIFF'),
        'map: NaN': _map(_with_nan, 'TIFF'),
        'map: JPEG': _map(lambda m: Image.fromarray(m * 40), 'JPEG'),
        'map: 0 and 255': _map(lambda m: Image.fromarray((m == 1).astype(np.uint8) * 255), everywhere=True),
        'map: void in one': _map(lambda m: Image.fromarray(np.full_like(m, 255))),
        'map: void in all': _map(lambda m: Image.fromarray(np.full_like(m, 255)), everywhere=True),
        'map: class 7': _map(lambda m: Image.fromarray(m | 7)),
        'map: another size': _map(lambda m: Image.fromarray(m[:32, :32])),
        'map: turned': _map(lambda m: Image.fromarray(m[:48].T)),
        'list: plain': _list(b'0\n1\n'),
        'list: CRLF': _list(b'0\r\n1\r\n'),
        'list: blank line': _list(b'0\n\n1\n'),
        'list: blank end': _list(b'0\n1\n\n'),
        'list: byte order mark': _list(b'\xef\xbb\xbf0\n1\n'),
        'list: UTF-16': _list('0\n1\n'.encode('utf-16')),
        'list: empty': _list(b''),
        'list: spaces': _list(b' 0 \n1\t\n'),
        'list: suffix': _list(b'0.png\n1.png\n'),
        'list: unknown name': _list(b'0\nabsent\n'),
        'list: a name twice': _list(b'0\n0\n1\n'),
        'list: tab and map': _list(b'0 0.png\n1 1.png\n'),
    }
    kinds |= {f'image: {name}': spoil for name, spoil in image_files('img_dir').items()}
    kinds |= {f'map file: {name}': spoil for name, spoil in image_files('ann_dir').items()
              if name not in ('16 bits', 'TIFF of floats', 'TIFF of integers', 'palette', 'gray', 'one bit')}
    kinds |= {f'image: {w} x {h} px': _thin(w, h) for w, h in THIN}
    for name, names in NAMES.items():
        kinds[f'name: {name}'] = _renamed(*names, False)
        kinds[f'name in a list: {name}'] = _renamed(*names, True)
    return kinds
