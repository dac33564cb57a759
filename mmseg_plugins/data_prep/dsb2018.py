"""2018 Data Science Bowl, stage 1: ``stage1_train/<id>/{images,masks}/*.png`` to COCO with exact masks.

Source of the layout: BBBC038v1, https://bbbc.broadinstitute.org/BBBC038 (CC0).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmseg_plugins.data_prep.common import CocoBuilder, read_image, require_folder, split_names
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track

CLASS = 'nucleus'
LAYOUT = 'stage1_train/<id>/images/<id>.png and stage1_train/<id>/masks/*.png'


def find_image(folder: Path) -> Path:
    """The one image of ``<id>/images``."""
    require_folder(folder / 'images', LAYOUT)
    images = sorted((folder / 'images').glob('*.png'))
    if len(images) != 1:
        raise UserError(
            f'{folder / "images"} holds {len(images)} PNG images.',
            rule=f'exactly one; the layout is {LAYOUT}.',
            fix='unpack the archive again.',
        )
    return images[0]


def read_masks(folder: Path, shape: tuple[int, int]) -> list[np.ndarray]:
    """The masks (H, W) bool of ``<id>/masks``, each of the image's shape.

    Raises:
        UserError: no masks (the test set has none), or another size.
    """
    paths = sorted((folder / 'masks').glob('*.png'))
    if not paths:
        raise UserError(
            f'{folder / "masks"} holds no mask.',
            rule=f'the layout is {LAYOUT}; stage1_test has no masks and cannot be converted.',
            fix='give stage1_train.',
        )
    masks = []
    for path in paths:
        mask = read_image(path, cv2.IMREAD_GRAYSCALE)
        if mask.shape != shape:
            raise UserError(
                f'{path} is {mask.shape[1]} x {mask.shape[0]}, its image {shape[1]} x {shape[0]}.',
                rule='equal sizes.',
                fix='unpack the archive again, or remove the folder.',
            )
        masks.append(mask > 127)
    return masks


def kind_of(image: np.ndarray) -> tuple[bool, bool]:
    """Rough kind of microscopy, for a stratified split: (coloured stain, bright background)."""
    spread = image.max(axis=2).astype(int) - image.min(axis=2)
    return bool(spread.mean() > 4), bool(np.median(image) > 127)


def convert_dsb2018(
    root: Path, out: Path, val_fraction: float = 0.125, seed: int = 0, stratified: bool = True
) -> dict[str, CocoBuilder]:
    """Write ``out/{train,val}/<id>.png`` and ``out/annotations/instances_{train,val}.json``.

    Args:
        root: the folder ``stage1_train``.
        stratified: keep the kinds of microscopy (:func:`kind_of`) in equal parts.
    """
    require_folder(root, LAYOUT)
    names = sorted(path.name for path in root.iterdir() if path.is_dir())
    if not names:
        raise UserError(f'{root} holds no folder.', rule=f'the layout is {LAYOUT}.', fix='give stage1_train.')
    strata = {name: kind_of(read_image(find_image(root / name))) for name in names} if stratified else None
    train, val = split_names(names, val_fraction, seed, strata)
    builders = {}
    for split, chosen in (('train', train), ('val', val)):
        builder = builders[split] = CocoBuilder([CLASS])
        for name in track(chosen, description=f'Converting {split}'):
            # IMREAD_COLOR drops the alpha channel that all of these images carry.
            image = read_image(find_image(root / name))
            shape = (image.shape[0], image.shape[1])
            image_id = builder.add_image(f'{name}.png', *shape)
            for mask in read_masks(root / name, shape):
                builder.add_mask(image_id, CLASS, mask)
            save_image(out / split / f'{name}.png', image)
        builder.save(out / 'annotations' / f'instances_{split}.json')
    return builders
