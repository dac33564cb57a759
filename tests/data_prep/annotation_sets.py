"""Small annotated sets in memory and on disk, for tests of the formats."""

from collections import Counter

import numpy as np

from mmseg_plugins.data_prep.annotations import AnnotatedImage, AnnotationSet
from mmseg_plugins.structures.images import save_image

H, W = 48, 64


def picture(seed=0, height=H, width=W):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def masks(seed):
    """Three masks (H, W) that do not overlap: a ring, two parts, a ragged one."""
    ring = np.zeros((H, W), bool)
    ring[4:20, 5:25] = True
    ring[8:14, 10 + seed % 4:18] = False
    parts = np.zeros((H, W), bool)
    parts[25:30, 3:9] = parts[35:44, 10:12 + seed % 5] = True
    ragged = np.zeros((H, W), bool)
    ragged[5:40, 35:60] = np.random.default_rng(seed).random((35, 25)) < 0.7
    return [ring, parts, ragged]


def write_images(folder, names):
    for seed, name in enumerate(names):
        save_image(folder / name, picture(seed))


def make_set(folder, names=('a.png', 'sub/b.png', 'empty.png'), classes=('cat', 'dog'), score=None):
    """A set whose images lie in ``folder``; those named ``empty`` have no object."""
    write_images(folder, names)
    images = []
    for seed, name in enumerate(names):
        image = AnnotatedImage(name, folder / name, H, W)
        for label, mask in enumerate(masks(seed) if 'empty' not in name else []):
            image.add_mask(classes[label % len(classes)], mask, Counter(), score=score)
        images.append(image)
    return AnnotationSet(list(classes), {'train': images})


def content_of(annotations):
    """{(split, stem of the image): sorted (class, bytes of the mask)}."""
    found = {}
    for split, images in annotations.splits.items():
        for image in images:
            key = split, image.path.stem
            assert key not in found
            found[key] = sorted((item.name, item.dense(image.height, image.width).tobytes()) for item in image.objects)
    return found
