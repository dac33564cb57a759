"""A small COCO data set on disk, sound unless a test spoils it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_plugins.data_check.check_report import DatasetReport
from mmseg_plugins.data_check.coco_check import CocoSource, check_coco
from mmseg_plugins.data_check.image_check import ImageOptions
from mmseg_plugins.structures.rle import encode_mask

HEIGHT, WIDTH = 40, 60
CLASSES = ('cat', 'dog')
FILTER = {'filter_empty_gt': True, 'min_size': 16}


def write_image(path: Path, height: int = HEIGHT, width: int = WIDTH) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, noise)[1].tobytes())


def annotation(number: int, image_id: Any = 1, category_id: Any = 1, **changes: Any) -> dict[str, Any]:
    """One annotation of a 10 x 8 rectangle as a polygon; a value of ``...`` removes its key."""
    x, y, w, h = 5 + number % 20, 6, 10, 8
    ann = {
        'id': number,
        'image_id': image_id,
        'category_id': category_id,
        'bbox': [x, y, w, h],
        'area': w * h,
        'iscrowd': 0,
        'segmentation': [[x, y, x + w, y, x + w, y + h, x, y + h]],
    }
    ann.update(changes)
    return {key: value for key, value in ann.items() if value is not ...}


def rle_annotation(number: int, image_id: Any = 1, category_id: Any = 1, **changes: Any) -> dict[str, Any]:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[6:14, 5 + number % 20:15 + number % 20] = 1
    return annotation(number, image_id, category_id, segmentation=encode_mask(mask), **changes)


def sound_content(images: int = 3) -> dict[str, Any]:
    """Each image has a cat (polygon) and a dog (RLE)."""
    annotations = []
    for image_id in range(1, images + 1):
        annotations.append(annotation(2 * image_id - 1, image_id, 1))
        annotations.append(rle_annotation(2 * image_id, image_id, 2))
    return {
        'images': [{'id': i, 'file_name': f'{i}.png', 'height': HEIGHT, 'width': WIDTH} for i in range(1, images + 1)],
        'annotations': annotations,
        'categories': [{'id': i, 'name': name} for i, name in enumerate(CLASSES, start=1)],
    }


def write_set(root: Path, content: dict[str, Any], split: str = 'train') -> Path:
    """Write images and JSON under ``root``; returns the JSON's path."""
    (root / split).mkdir(parents=True, exist_ok=True)
    for image in content['images']:
        write_image(root / split / image['file_name'])
    path = root / 'annotations' / f'{split}.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding='utf-8')
    return path


def dataset_config(root: Path, split: str = 'train', **changes: Any) -> dict[str, Any]:
    """An ``mmdet.CocoDataset`` of that set with masks."""
    pipeline = [dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True)]
    config = dict(
        type='mmdet.CocoDataset',
        data_root=str(root),
        ann_file=f'annotations/{split}.json',
        data_prefix=dict(img=f'{split}/'),
        metainfo=dict(classes=CLASSES),
        filter_cfg=dict(filter_empty_gt=True, min_size=16) if split == 'train' else None,
        test_mode=split != 'train',
        pipeline=pipeline,
    )
    config.update(changes)
    return config


def check(
    tmp_path: Path, content: dict[str, Any] | None = None, options: ImageOptions | None = None, **changes: Any
) -> DatasetReport:
    """Write ``content`` as the training set below ``tmp_path`` (None: what is there) and check it."""
    root = tmp_path / 'data'
    if content is not None:
        write_set(root, content)
    fields = {'name': 'train', 'ann_file': root / 'annotations/train.json', 'img_dir': root / 'train'}
    fields.update({'classes': CLASSES, 'filter_cfg': FILTER}, **changes)
    return check_coco(CocoSource(**fields), options)


def only_problem(report: DatasetReport) -> str:
    problems = report.problems()
    assert len(problems) == 1, problems
    assert 'Fix' in problems[0]
    return problems[0]
