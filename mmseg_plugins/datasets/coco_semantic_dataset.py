"""COCO files of objects as data of mmseg: background and a class for each category."""

from __future__ import annotations

from typing import Any

from mmdet.datasets import CocoDataset
from mmdet.datasets.api_wrappers import COCO

from mmseg_plugins.registry import DATASETS
from mmseg_plugins.utils.errors import UserError


class _ForegroundCOCO(COCO):
    """Answers for the categories alone: the background is none of them."""

    __module__ = COCO.__module__  # read as mmdet's own, see coco_api

    def get_cat_ids(self, cat_names: Any = (), sup_names: Any = (), cat_ids: Any = ()) -> Any:
        names = [name for name in cat_names if name != CocoSemanticDataset.BACKGROUND]
        return super().get_cat_ids(names, sup_names, cat_ids)


@DATASETS.register_module()
class CocoSemanticDataset(CocoDataset):
    """mmdet's ``CocoDataset`` whose classes, as evaluators and models see them, begin with ``background``.

    ``metainfo`` in a config names the categories alone (and their colors), as for ``CocoDataset``.  The pipeline needs
    ``mmdet.LoadAnnotations(with_bbox=True, with_mask=True)`` and ``InstancesToSegMap``.

    Raises:
        ValueError: a category is called background itself.
    """

    BACKGROUND = 'background'
    COCOAPI = _ForegroundCOCO

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
