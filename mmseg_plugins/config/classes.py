"""Class names of a COCO annotation file, or of a list of classes."""

from __future__ import annotations

import os

from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.utils.errors import UserError


def read_classes(ann_file: str | os.PathLike[str]) -> tuple[str, ...]:
    """Names of the categories in the order in which mmdet labels them.

    mmdet's ``CocoDataset`` numbers the categories in the order of the JSON's
    ``categories`` list, whatever their ids are.

    Raises:
        UserError: the file is no COCO annotation file (not JSON, no
            categories, a category without a name).
    """
    content = read_coco(ann_file).content
    categories = content.get('categories') if isinstance(content, dict) else None
    if not categories or not all(isinstance(item, dict) and 'name' in item for item in categories):
        raise UserError(
            f'{os.fspath(ann_file)} has no list "categories" of {{"id", "name"}}, which a COCO annotation file needs.',
            fix='add it, or give the classes in the config.',
        )
    return tuple(str(item['name']) for item in categories)


def class_list(name: str, root: str) -> tuple[tuple[str, ...], list[tuple[int, int, int]]]:
    """Names and colors of a text file with one class a line: ``name``, or ``name R G B`` with numbers of 0 to 255.

    Args:
        name: The file, relative to ``root`` or to the current folder.
        root: ``data_root``.

    Returns:
        The names in label order, and their colors (empty when the lines have none).

    Raises:
        UserError: there is no such file, or some lines have colors and some have none.
    """
    path = next((path for path in (os.path.join(root, name), name) if os.path.isfile(path)), None)
    if path is None:
        raise UserError(f'classes = {name!r} is a text, and there is no such file.',
                        rule='a text names a file with one class a line; of a name, each letter would be a class.',
                        fix=f"classes = ('{name}',), or correct the file's name")
    with open(path, encoding='utf-8-sig') as stream:
        lines = [line.strip() for line in stream if line.strip()]
    names, colors = [], []
    for line in lines:
        words = line.replace(',', ' ').split()
        color = [int(word) for word in words[-3:] if word.isdigit() and int(word) < 256]
        if len(words) > 3 and len(color) == 3:
            names.append(' '.join(words[:-3]))
            colors.append((color[0], color[1], color[2]))
        else:
            names.append(line)
    if colors and len(colors) < len(names):
        raise UserError(f'{path}: {len(colors)} of its {len(names)} lines have a color.',
                        fix='R G B in all lines or in none')
    return tuple(names), colors
