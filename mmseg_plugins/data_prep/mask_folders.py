"""One mask file per object: ``images/a.png`` with ``masks/a/0.png`` or ``masks/a_cat_0.png``, or a folder per image."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np

from mmseg_plugins.data_prep.annotations import (
    AnnotatedImage,
    AnnotationSet,
    ReadOptions,
    found_classes,
    open_image,
    require_size,
)
from mmseg_plugins.data_prep.label_images import find_pairs, read_numbers
from mmseg_plugins.data_prep.names import by_key, match_key, no_image, split_of, words_of
from mmseg_plugins.utils.errors import UserError


def read_mask(path: Path, counts: Counter[str]) -> np.ndarray:
    """A mask (H, W) bool: what is not 0, or from half of the range up where a file has grey edges.

    Raises:
        UserError: color, no image, or many small values, as a label image has them.
    """
    if path.suffix.lower() in ('.jpg', '.jpeg'):
        raise UserError(f'mask {path} is a JPEG, which blurs its edge.', rule='PNG or TIFF.',
                        fix='export it again as PNG.')
    values = read_numbers(path, counts)
    found = np.unique(values)
    if len(found) <= 2:
        if len(found) == 2 and found[0] != 0:
            raise UserError(f'mask {path} holds {found[0]} and {found[1]}.', rule='0 is background.',
                            fix='export it with 0 outside the object.')
        return values != 0
    if found[-1] < 128:
        raise UserError(f'mask {path} holds {len(found)} values, 0 to {found[-1]}.', rule='one object a file.',
                        fix='--from label-images if each value is an object.')
    counts['masks with grey edges cut at half'] += 1
    return values * 2 > found[-1]


def owner_of(mask: str, images: dict[str, str], alone: dict[str, list[str]]) -> tuple[str, str] | None:
    """Image key and class words of a mask file, or None.

    Args:
        mask: Name relative to the source.
        images: Key -> name of the images.
        alone: Folder -> keys of its images.
    """
    key = PurePosixPath(match_key(mask))
    parts = PurePosixPath(mask).parts
    for above in key.parents:  # masks/a/0.png, masks/a/cat/0.png
        if above.as_posix() in images:
            return above.as_posix(), ' '.join(parts[len(parts) - len(key.relative_to(above).parts):-1])
    folder = key.parent.as_posix()
    before = [other for other in alone.get(folder, ()) if key.name == PurePosixPath(other).name
              or key.name.startswith(tuple(PurePosixPath(other).name + end for end in '_-. '))]
    if before:  # masks/a_cat_0.png
        best = max(before, key=len)
        return best, ' '.join(words_of(PurePosixPath(mask).stem[len(PurePosixPath(best).name):]))
    if len(alone.get(folder, ())) == 1:  # ID/images/ID.png with ID/masks/*.png
        return alone[folder][0], ''
    return None


def read_mask_folders(source: Path, options: ReadOptions) -> AnnotationSet:
    """Read a folder of images and of masks, one file per object; images without a mask are background.

    The class is the folder of a mask below its image's (``masks/a/cat/0.png``), or the words between the image's name
    and a number (``masks/a_cat_0.png``), or ``options.class_name``.

    Raises:
        UserError: a mask without an image, of another size, or no mask.
    """
    images, masks = find_pairs(source, options.image_dir)
    keys = by_key(images)
    alone: dict[str, list[str]] = {}
    for key in keys:
        alone.setdefault(PurePosixPath(key).parent.as_posix(), []).append(key)
    owned: dict[str, list[tuple[str, str]]] = {key: [] for key in keys}
    lost = []
    for mask_name in masks:
        owner = owner_of(mask_name, keys, alone)
        if owner is None:
            lost.append(mask_name)
        else:
            owned[owner[0]].append((mask_name, owner[1]))
    if lost:
        raise no_image(lost[0], images, len(lost))
    counts: Counter[str] = Counter()
    read: dict[str, list[AnnotatedImage]] = {}
    for key, name in sorted(keys.items(), key=lambda pair: pair[1]):
        image = open_image(images[name], name, str(source))
        counts['images without a mask taken as background'] += not owned[key]
        for mask_name, words in owned[key]:
            mask = read_mask(masks[mask_name], counts)
            require_size((mask.shape[0], mask.shape[1]), image, f'mask {mask_name}')
            image.add_mask(words or options.class_name, mask, counts)
        read.setdefault(split_of(name) or 'train', []).append(image)
    every = [image for images_ in read.values() for image in images_]
    return AnnotationSet(found_classes(every, source, options.classes), read, counts)
