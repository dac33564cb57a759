"""A tiny SBD on disk, with the .mat structures of the real one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

HEIGHT, WIDTH = 24, 36
#: Image -> objects as (class 1..20, y1, y2, x1, x2), half-open; void surrounds the first one.
IMAGES = {
    'a_01': [(15, 4, 14, 3, 12), (2, 10, 20, 20, 30)],
    'a_02': [(20, 0, 24, 0, 36)],
    'a_03': [],
    'b_01': [(15, 2, 8, 2, 8), (15, 2, 8, 10, 16), (7, 12, 22, 5, 25)],
}


def label_maps(objects: list[tuple[int, int, int, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Instance map and class map (H, W); a one-pixel frame of void around the first object, where there is room."""
    inst, cls = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    for number, (label, y1, y2, x1, x2) in enumerate(objects, start=1):
        if number == 1:
            window = slice(max(y1 - 1, 0), y2 + 1), slice(max(x1 - 1, 0), x2 + 1)
            inst[window] = cls[window] = 255
        inst[y1:y2, x1:x2] = number
        cls[y1:y2, x1:x2] = label
    return inst, cls


def structure(segmentation: np.ndarray, categories: list[int], key: str) -> dict:
    boundaries = np.empty((max(1, len(categories)), 1), object)
    boundaries[:] = [[np.zeros((2, 2))]] * len(boundaries)
    return {'Segmentation': segmentation, 'Boundaries': boundaries, key: np.array(categories, np.uint8)[:, None]}


def write_mats(root: Path, name: str, inst: np.ndarray, cls: np.ndarray, categories: list[int]) -> None:
    for folder in ('inst', 'cls'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    savemat(root / 'inst' / f'{name}.mat', {'GTinst': structure(inst, categories, 'Categories')}, do_compression=True)
    present = {'GTcls': structure(cls, categories, 'CategoriesPresent')}
    savemat(root / 'cls' / f'{name}.mat', present, do_compression=True)


def write_sbd(root: Path) -> Path:
    """Write images, label maps, and the lists train.txt (a_*) and val.txt (b_*); returns ``root``."""
    rng = np.random.default_rng(0)
    (root / 'img').mkdir(parents=True)
    for name, objects in IMAGES.items():
        write_mats(root, name, *label_maps(objects), [label for label, *_ in objects])
        image = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        (root / 'img' / f'{name}.jpg').write_bytes(cv2.imencode('.jpg', image)[1].tobytes())
    (root / 'train.txt').write_text('a_01\na_02\na_03\n')
    (root / 'val.txt').write_text('b_01\n\n')
    return root
