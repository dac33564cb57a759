"""Marks that tell which config file wrote a key of a loader or an evaluator.

mmengine merges files and forgets who wrote what.  Each file is therefore read with a few lines after its own that put
``_written_KEY_ = number of the file`` next to every key of :data:`KEYS`; the marks are merged as the keys are, and
taken off again by :func:`remove_marks`.
"""

from __future__ import annotations

from typing import Any

#: Top-level names that describe the data: of all kinds, of each split, of label maps, of panoptic data.
DATA_VARIABLES = (
    'data_root', 'classes', 'palette', 'train_ann_file', 'val_ann_file', 'test_ann_file', 'train_img_prefix',
    'val_img_prefix', 'test_img_prefix', 'train_seg_prefix', 'val_seg_prefix', 'test_seg_prefix',
    'unlabeled_ann_file', 'unlabeled_img_prefix', 'thing_classes', 'stuff_classes', 'img_suffix', 'seg_map_suffix',
    'reduce_zero_label')

#: Variables of label maps that are keys of the data set by the same name.
MAP_OPTIONS = ('img_suffix', 'seg_map_suffix', 'reduce_zero_label')

#: Keys whose writer counts.
KEYS = ('type', 'data_root', 'ann_file', 'seg_prefix', 'img', 'seg', 'img_path', 'seg_map_path', 'classes', 'palette',
        'img_suffix', 'seg_map_suffix', 'reduce_zero_label')

#: Top-level names whose contents are marked.
ROOTS = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator')

_CODE = '''

def __mark(node, number):
    if type(node) is dict:
        for key in list(node):
            __mark(node[key], number)
            if key in {keys}:
                node.setdefault('_written_' + key + '_', number)
    elif isinstance(node, (list, tuple)):
        for item in node:
            __mark(item, number)


for __root in {roots}:
    __mark(globals().get(__root), {number})
'''


def marking_code(number: int) -> str:
    """The lines that mark what a file writes itself; what it takes from a base, a ``ConfigDict``, keeps its mark."""
    return _CODE.format(keys=KEYS, roots=ROOTS, number=number)


def writer(node: Any, key: str) -> int | None:
    """The number of the file that wrote a key, None for a host's."""
    number = node.get(f'_written_{key}_')
    return None if number is None else int(number)


def remove_marks(node: Any) -> None:
    """Take the marks off a config, in place."""
    if isinstance(node, dict):
        for key in [key for key in node if isinstance(key, str) and key.startswith('_written_')]:
            del node[key]
        for value in node.values():
            remove_marks(value)
    elif isinstance(node, (list, tuple)):
        for item in node:
            remove_marks(item)
