"""Made-up images and folders in the layouts that the converters read."""

import numpy as np

from mmseg_plugins.structures.images import save_image

H, W = 30, 40


def noise(height=H, width=W, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def make_camvid(root, lists=True):
    for split, names in (('train', ('a', 'b')), ('val', ('c',)), ('test', ('d',))):
        for i, name in enumerate(names):
            save_image(root / split / f'{name}.png', noise(seed=i))
            labels = np.arange(H * W).reshape(H, W) % 12
            save_image(root / f'{split}annot' / f'{name}.png', labels.astype(np.uint8))
        if lists:
            lines = [f'/SegNet/CamVid/{split}/{n}.png /SegNet/CamVid/{split}annot/{n}.png' for n in names]
            (root / f'{split}.txt').write_text('\n'.join(lines) + '\n')
    return root
