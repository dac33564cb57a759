"""Class names of a COCO annotation file."""

from __future__ import annotations

import json
import os

from mmseg_plugins.utils.errors import UserError


def read_classes(ann_file: str | os.PathLike[str]) -> tuple[str, ...]:
    """Names of the categories in the order in which mmdet labels them.

    mmdet's ``CocoDataset`` numbers the categories in the order of the JSON's
    ``categories`` list, whatever their ids are.

    Raises:
        UserError: the file is no COCO annotation file (not JSON, no
            categories, a category without a name).
    """
    with open(ann_file, encoding='utf-8') as stream:
        try:
            content = json.load(stream)
        except json.JSONDecodeError as error:
            raise UserError(
                f'{os.fspath(ann_file)} is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno}).',
                fix='export it again, or correct that line.',
            ) from error
    categories = content.get('categories') if isinstance(content, dict) else None
    if not categories or not all(isinstance(item, dict) and 'name' in item for item in categories):
        raise UserError(
            f'{os.fspath(ann_file)} has no list "categories" of {{"id", "name"}}, which a COCO annotation file needs.',
            fix='add it, or give the classes in the config.',
        )
    return tuple(str(item['name']) for item in categories)
