"""How mmdet's data sets and metrics read COCO files: normalized, and with labels in the order of the config's classes.

mmdet's ``CocoDataset``, ``CocoPanopticDataset``, ``CocoMetric`` and their like read files through one class over
``pycocotools.coco.COCO``.  mmdet numbers labels in the order of the JSON's categories, whatever the order of
``classes``; a validation file in another order, or one that lacks a class, then shifts every label without a word.
:func:`install` lets that class read by :func:`mmseg_plugins.structures.coco_json.read_coco` and answers
``get_cat_ids`` in the order of the names that are asked for.  For files in the order of the config, as the hosts' own
are, nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

from pycocotools.coco import COCO

from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.utils.errors import UserError


def ids_by_name(categories: list[dict[str, Any]], names: Sequence[str]) -> list[Any]:
    """Ids of categories in the order of ``names``; a name that is not there gets an empty category of its own.

    Args:
        categories: ``id`` and ``name``; those that are added are appended.
    """
    known = {item['name']: item['id'] for item in categories}
    for name in names:
        if name not in known:
            known[name] = _free_id([item['id'] for item in categories])
            categories.append({'id': known[name], 'name': name})
    return [known[name] for name in names]


def _free_id(taken: Sequence[Any]) -> Any:
    """An id that sorts after all others."""
    if any(isinstance(value, str) for value in taken):
        return max(map(str, taken)) + '~'
    return max(taken, default=0) + 1


def install() -> None:
    """Let mmdet's COCO classes read this way in this process; again changes nothing."""
    if getattr(COCO.__init__, 'reads_normalized', False):
        return
    stock_init, stock_cat_ids = COCO.__init__, COCO.getCatIds

    @wraps(stock_init)
    def read(self: Any, annotation_file: Any = None) -> None:
        if annotation_file is None or not type(self).__module__.startswith('mmdet.'):
            stock_init(self, annotation_file)
            return
        stock_init(self)
        content = read_coco(annotation_file).content
        if not isinstance(content, dict):
            raise UserError(f'{annotation_file} holds a {type(content).__name__}.', rule='a COCO file is an object '
                            'with images, annotations and categories.', fix='correct ann_file.')
        self.dataset = content
        self.createIndex()
        self.as_read = content.get('categories')

    @wraps(stock_cat_ids)
    def cat_ids(self: Any, catNms: Any = (), supNms: Any = (), catIds: Any = ()) -> Any:
        # Objects365 replaces the list by a sorted one: its labels follow the ids.
        categories: Any = self.dataset.get('categories')
        named = isinstance(catNms, (list, tuple)) and len(catNms) > 0 and not len(supNms) and not len(catIds)
        if not named or categories is None or id(categories) != id(getattr(self, 'as_read', None)):
            return stock_cat_ids(self, catNms, supNms, catIds)
        ids = ids_by_name(categories, catNms)
        for item in categories:
            self.cats.setdefault(item['id'], item)
        return ids

    read.reads_normalized = True  # type: ignore[attr-defined]
    COCO.__init__, COCO.getCatIds = read, cat_ids
