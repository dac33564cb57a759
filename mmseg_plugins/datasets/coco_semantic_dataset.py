"""COCO files of objects as data of mmseg: background and a class for each category."""

from __future__ import annotations

from typing import Any

from mmdet.datasets import CocoDataset

from mmseg_plugins.registry import DATASETS
from mmseg_plugins.utils.errors import UserError


@DATASETS.register_module()
class CocoSemanticDataset(CocoDataset):
    """mmdet's ``CocoDataset`` whose classes, as evaluators and models see them, begin with ``background``.

    ``metainfo`` in a config names the categories alone (and their colors), as for ``CocoDataset``.  The pipeline needs
    ``mmdet.LoadAnnotations(with_bbox=True, with_mask=True)`` and ``InstancesToSegMap``.

    Raises:
        ValueError: a category is called background itself.
    """

    BACKGROUND = 'background'

    @property
    def metainfo(self) -> dict[str, Any]:
        """Class names and colours, the background (black) first."""
        meta = super().metainfo
        classes = tuple(meta['classes'])
        if self.BACKGROUND in classes:
            raise UserError(
                f'CocoSemanticDataset: the category {self.BACKGROUND!r} has the name of class 0, which is what no '
                'object covers; leave it out of metainfo.classes',
            )
        meta['classes'] = (self.BACKGROUND, *classes)
        if isinstance(meta.get('palette'), (list, tuple)):
            meta['palette'] = [(0, 0, 0), *meta['palette']]
        return meta
