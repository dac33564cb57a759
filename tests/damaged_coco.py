"""Kinds of damage to a toy COCO set: each function spoils the folder that ``toy_runs.write_toy_coco`` wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from damaged_images import NAMES, THIN, Damage, image_files
from PIL import Image
from pycocotools import mask as mask_api

FIELDS = {
    'annotations': ('id', 'image_id', 'category_id', 'bbox', 'area', 'iscrowd', 'segmentation'),
    'images': ('id', 'width', 'height', 'file_name'),
    'categories': ('id', 'name'),
}
VALUES: dict[str, Any] = {
    'null': None, 'text': 'seven', 'digits': '1', 'half': 1.5, 'whole float': 1.0, 'list': [1], 'negative': -1,
    'huge': 2**70, 'NaN': float('nan'), 'object': {}}


def _edit(change: Callable[[dict[str, Any]], None]) -> Damage:
    def spoil(folder: Path) -> None:
        path = folder / 'ann.json'
        content = json.loads(path.read_text(encoding='utf-8'))
        change(content)
        path.write_text(json.dumps(content), encoding='utf-8')
    return spoil


def _field(part: str, key: str, value: Any, everywhere: bool) -> Damage:
    def change(content: dict[str, Any]) -> None:
        for item in content[part] if everywhere else content[part][:1]:
            if value is ...:
                item.pop(key, None)
            else:
                item[key] = value
    return _edit(change)


def _duplicate(part: str, key: str) -> Damage:
    return _edit(lambda content: content[part][1].update({key: content[part][0][key]}))


def _polygon(box: list[float]) -> list[float]:
    x, y, w, h = box
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def _masks(form: Callable[[dict[str, Any]], Any]) -> Damage:
    def change(content: dict[str, Any]) -> None:
        for ann in content['annotations']:
            ann['segmentation'] = form(ann)
    return _edit(change)


def _pairs(ann: dict[str, Any]) -> list[list[float]]:
    flat = _polygon(ann['bbox'])
    return [[x, y] for x, y in zip(flat[::2], flat[1::2], strict=True)]


def _runs(ann: dict[str, Any]) -> dict[str, Any]:
    """The mask as an RLE that is not compressed."""
    flat = mask_api.decode(ann['segmentation']).reshape(-1, order='F')
    edges = [0, *(np.flatnonzero(np.diff(flat)) + 1).tolist(), flat.size]
    runs = np.diff(edges).tolist()
    return {'size': ann['segmentation']['size'], 'counts': ([0] if flat[0] else []) + runs}


def _boxes(form: Callable[[float, float, float, float], list[float]]) -> Damage:
    def change(content: dict[str, Any]) -> None:
        for ann in content['annotations']:
            ann['bbox'] = form(*ann['bbox'])
    return _edit(change)


SEGMENTATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    'polygon': lambda a: [_polygon(a['bbox'])],
    'flat': lambda a: _polygon(a['bbox']),
    'nested': lambda a: [[_polygon(a['bbox'])]],
    'points': _pairs,
    'points of x and y': lambda a: [{'x': x, 'y': y} for x, y in _pairs(a)],
    'one point': lambda a: [[5.0, 5.0]],
    'odd number': lambda a: [_polygon(a['bbox'])[:-1]],
    'empty': lambda a: [],
    'empty part': lambda a: [[]],
    'no area': lambda a: [[5, 5, 5, 5, 5, 5]],
    'text of JSON': lambda a: json.dumps([_polygon(a['bbox'])]),
    'texts': lambda a: [[str(v) for v in _polygon(a['bbox'])]],
    'NaN inside': lambda a: [[float('nan'), *_polygon(a['bbox'])[1:]]],
    'far outside': lambda a: [[v + 1e6 for v in _polygon(a['bbox'])]],
    'runs': _runs,
    'runs as floats': lambda a: {**_runs(a), 'counts': [float(v) for v in _runs(a)['counts']]},
    'runs too short': lambda a: {**_runs(a), 'counts': _runs(a)['counts'][:-1]},
    'negative runs': lambda a: {**_runs(a), 'counts': [-v for v in _runs(a)['counts']]},
    'RLE by rows': lambda a: {**_runs(a), 'counts': _runs(a)['counts'], 'size': a['segmentation']['size'][::-1]},
    'RLE of another size': lambda a: {**a['segmentation'], 'size': [32, 32]},
    'RLE as text of bytes': lambda a: {**a['segmentation'], 'counts': str(a['segmentation']['counts'].encode())},
    'RLE truncated': lambda a: {**a['segmentation'], 'counts': a['segmentation']['counts'][:-3]},
    'RLE without counts': lambda a: {'size': a['segmentation']['size']},
    'list of one RLE': lambda a: [a['segmentation']],
}
BOXES: dict[str, Callable[[float, float, float, float], list[float]]] = {
    'corners': lambda x, y, w, h: [x, y, x + w, y + h],
    'fractions': lambda x, y, w, h: [x / 64, y / 64, w / 64, h / 64],
    'centers': lambda x, y, w, h: [x + w / 2, y + h / 2, w, h],
    'outside': lambda x, y, w, h: [x + 500, y + 500, w, h],
    'zero': lambda x, y, w, h: [x, y, 0, 0],
    'negative size': lambda x, y, w, h: [x + w, y + h, -w, -h],
    'texts': lambda x, y, w, h: [str(v) for v in (x, y, w, h)],  # type: ignore[misc]
    'three numbers': lambda x, y, w, h: [x, y, w],
    'infinite': lambda x, y, w, h: [x, y, float('inf'), h],
}


def _text(change: Callable[[bytes], bytes]) -> Damage:
    def spoil(folder: Path) -> None:
        path = folder / 'ann.json'
        path.write_bytes(change(path.read_bytes()))
    return spoil


FILES: dict[str, Damage] = {
    'file truncated': _text(lambda data: data[:-20]),
    'file empty': _text(lambda data: b''),
    'byte order mark': _text(lambda data: b'\xef\xbb\xbf' + data),
    'UTF-16': _text(lambda data: data.decode().encode('utf-16')),
    'a list': _text(lambda data: b'[' + data + b']'),
    'no annotations': _edit(lambda content: content['annotations'].clear()),
    'no images': _edit(lambda content: content['images'].clear()),
    'no categories': _edit(lambda content: content['categories'].clear()),
    'categories in another order': _edit(lambda content: content['categories'].reverse()),
    'a category twice': _edit(lambda content: content['categories'].append(content['categories'][0])),
    'one category more': _edit(lambda content: content['categories'].append({'id': 9, 'name': 'else'})),
    'a category in capitals': _edit(lambda content: content['categories'][0].update(name='DISC')),
    'objects twice': _edit(lambda content: content['annotations'].extend(content['annotations'])),
    'an image twice': _edit(lambda content: content['images'].append(content['images'][0])),
    'all are crowds': _edit(lambda content: [a.update(iscrowd=1) for a in content['annotations']]),
    'an annotation is null': _edit(lambda content: content['annotations'].append(None)),
}


def _thin(width: int, height: int) -> Damage:
    def spoil(folder: Path) -> None:
        Image.new('RGB', (width, height)).save(folder / 'images' / 'toy 0.png')
        content = json.loads((folder / 'ann.json').read_text())
        content['images'][0].update(width=width, height=height)
        for annotation in content['annotations'][:2]:
            annotation.update(bbox=[0, 0, width, height], area=width * height,
                              segmentation=[[0, 0, width, 0, width, height, 0, height]])
        (folder / 'ann.json').write_text(json.dumps(content))
    return spoil


def _renamed(in_file: str, on_disk: str) -> Damage:
    def spoil(folder: Path) -> None:
        target = folder / 'images' / on_disk
        target.parent.mkdir(exist_ok=True)
        (folder / 'images' / 'toy 0.png').rename(target)
        _field('images', 'file_name', in_file, False)(folder)
    return spoil


def damages() -> dict[str, Damage]:
    """Every kind by name."""
    kinds: dict[str, Damage] = {'sound': lambda folder: None}
    for part, keys in FIELDS.items():
        for key in keys:
            for where in ('one', 'all'):
                kinds[f'{part}.{key} missing, {where}'] = _field(part, key, ..., where == 'all')
            for name, value in VALUES.items():
                kinds[f'{part}.{key} {name}'] = _field(part, key, value, False)
            kinds[f'{part}.{key} of another'] = _duplicate(part, key)
    kinds |= {f'segmentation: {name}': _masks(form) for name, form in SEGMENTATIONS.items()}
    kinds |= {f'bbox: {name}': _boxes(form) for name, form in BOXES.items()}
    kinds |= FILES
    kinds |= {f'image: {name}': spoil for name, spoil in image_files('images').items()}
    kinds |= {f'image: {w} x {h} px': _thin(w, h) for w, h in THIN}
    kinds |= {f'name: {name}': _renamed(*names) for name, names in NAMES.items()}
    return kinds
