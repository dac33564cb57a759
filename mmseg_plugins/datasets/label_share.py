"""A part of the labels, and images without labels, for training with few of them.

The draw is that of https://github.com/hfslyc/AdvSemiSeg ("Adversarial Learning for Semi-Supervised Semantic
Segmentation", BMVC 2018): the first ``int(share * n)`` of shuffled images keep their labels.  There the shuffle has no
seed; here it has one, so that shares are nested and runs can be compared.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, ConcatDataset

from mmseg_plugins.registry import DATASETS
from mmseg_plugins.utils.errors import UserError


@DATASETS.register_module()
class LabelShare(ConcatDataset):
    """Data sets of which only a share of the labels is used.

    .. code-block:: python

        dataset=dict(
            type='mmseg_plugins.LabelShare',
            share=1 / 8,
            datasets=[labeled, unlabeled])  # unlabeled: data_prefix without seg_map_path, no LoadAnnotations

    A data set without label maps is an unlabeled one.  Every data set with maps keeps the chosen images, an unlabeled
    one all others: it may name the same folder, or one of its own, which then stays whole.  The sets are concatenated;
    :class:`~mmseg_plugins.datasets.parts_batch_sampler.PartsBatchSampler` draws batches with images of each.

    Args:
        datasets: Configs of mmseg data sets.  Those with maps name the same images.
        share: Of the labeled images, above 0 and at most 1; ``int(share * n)`` of n are chosen, at least one.
        seed: Of the shuffle.  With one seed a smaller share is a part of a larger one.
        kwargs: Of mmengine's ``ConcatDataset``.

    Attributes:
        labeled_part: The first data set with maps, once the lists are read.

    Raises:
        UserError: a share out of range, no data set with maps, an unlabeled one of which nothing is left.
    """

    labeled_part: BaseDataset

    def __init__(self, datasets: Sequence[BaseDataset | dict], share: float = 1.0, seed: int = 0,
                 **kwargs: Any) -> None:
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
            raise UserError(f'LabelShare: share={share!r}.', rule='above 0 and at most 1.',
                            fix='share=1 / 8 keeps the labels of an eighth of the images.')
        self.share, self.seed = share, seed
        super().__init__(datasets, **kwargs)

    def full_init(self) -> None:
        """Read the lists of all data sets, and choose."""
        if self._fully_initialized:
            return
        for dataset in self.datasets:
            if not isinstance(dataset, BaseDataset):
                raise UserError(f'LabelShare: one of its data sets is a {type(dataset).__name__}.',
                                rule='it takes data sets of mmseg, no wrappers.', fix='merge the lists of images.')
            dataset.full_init()
        self._choose()
        super().full_init()

    def _choose(self) -> None:
        names = [[_path(dataset.get_data_info(index)) for index in range(len(dataset))] for dataset in self.datasets]
        labeled = [has_maps(dataset) for dataset in self.datasets]
        if True not in labeled:
            raise UserError('LabelShare: none of its data sets has label maps.',
                            rule='the first names images and maps.', fix='data_prefix=dict(img_path=, seg_map_path=).')
        self.labeled_part = self.datasets[labeled.index(True)]
        first = names[labeled.index(True)]
        chosen = {first[index] for index in choose_share(len(first), self.share, self.seed)}
        for dataset, paths, with_maps in zip(self.datasets, names, labeled, strict=True):
            kept = [index for index, path in enumerate(paths) if (path in chosen) == with_maps]
            if not kept:
                what = 'the labeled images of the first data set' if with_maps else 'an image that is not labeled'
                raise UserError(f'LabelShare: with share={self.share} the data set of {len(paths)} images in '
                                f'{os.path.dirname(paths[0]) if paths else "no folder"} does not hold {what}.',
                                rule='every part of a batch has images.',
                                fix='a smaller share, or another img_path for the unlabeled images.')
            dataset.get_subset_(kept)


def choose_share(images: int, share: float, seed: int) -> np.ndarray:
    """A share of all images, ``int(share * images)`` and at least one; indices, ascending.

    Those of a smaller share with the same seed are among them.  ``mmseg-plugins few-labels --share`` chooses them too.
    """
    number = max(1, int(share * images + 1e-9))  # 1/3 of 300 is 100
    return np.sort(np.random.default_rng([seed]).permutation(images)[:number])


def has_maps(dataset: BaseDataset) -> bool:
    """Whether an mmseg data set, read, names label maps."""
    return len(dataset) > 0 and dataset.get_data_info(0).get('seg_map_path') is not None


def _path(info: dict[str, Any]) -> str:
    return os.path.normpath(info['img_path'])
