"""A toy panoptic set, a tiny network for it, and kinds of damage: each function spoils the folder that was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from damaged_images import NAMES, THIN, Damage, image_files
from mmengine.config import Config
from PIL import Image
from toy_runs import CLASSES, PALETTE, detector_config, toy_image

from mmseg_plugins.structures.masks import coco_box
from mmseg_plugins.structures.panoptic_ids import ids_as_bgr, ids_of_bgr

STUFF = ('ground', )


def write_toy_panoptic(folder: Path, images: int = 4, size: int = 64) -> Path:
    """Write ``images/*.png``, ``maps/*.png`` and ``panoptic.json``: a disc, a bar, the ground, a corner of void."""
    for name in ('images', 'maps'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    entries, annotations = [], []
    for index in range(images):
        image, masks = toy_image(index, size)
        ids = np.full((size, size), 300, np.int32)
        segments = []
        for label, mask in enumerate(masks):
            ids[mask] = 1000 * (label + 1) + index
        ids[:4, :4] = 0
        for label, number in enumerate((1000 + index, 2000 + index, 300), start=1):
            drawn = ids == number
            segments.append(dict(id=number, category_id=label, iscrowd=0, area=int(drawn.sum()), bbox=coco_box(drawn)))
        cv2.imwrite(str(folder / 'images' / f'{index}.png'), image)
        cv2.imwrite(str(folder / 'maps' / f'{index}.png'), ids_as_bgr(ids))
        entries.append(dict(id=index + 1, file_name=f'{index}.png', height=size, width=size))
        annotations.append(dict(image_id=index + 1, file_name=f'{index}.png', segments_info=segments))
    categories = [dict(id=index + 1, name=name, isthing=int(name in CLASSES))
                  for index, name in enumerate((*CLASSES, *STUFF))]
    (folder / 'panoptic.json').write_text(
        json.dumps(dict(images=entries, annotations=annotations, categories=categories)))
    return folder


def panoptic_config(data: Path, work_dir: Path, **changes: Any) -> Config:
    """A tiny Panoptic FPN on :func:`write_toy_panoptic` data as a mmengine Config."""
    cfg = detector_config(data, work_dir)
    model = cfg.model
    model.type = 'PanopticFPN'
    model.data_preprocessor.update(pad_seg=True, seg_pad_value=255)
    numbers = dict(num_things_classes=len(CLASSES), num_stuff_classes=len(STUFF))
    model.semantic_head = dict(
        type='PanopticFPNHead', **numbers, in_channels=16, inner_channels=8, start_level=0, end_level=4,
        norm_cfg=dict(type='GN', num_groups=4), conv_cfg=None,
        loss_seg=dict(type='CrossEntropyLoss', ignore_index=255, loss_weight=0.5))
    model.panoptic_fusion_head = dict(type='HeuristicFusionHead', **numbers)
    model.test_cfg.panoptic = dict(
        score_thr=0.01, max_per_img=10, mask_thr_binary=0.5, mask_overlap=0.5, stuff_area_limit=16,
        nms=dict(type='nms', iou_threshold=0.5, class_agnostic=True))
    load = [dict(type='LoadImageFromFile'), dict(type='mmseg_plugins.LoadPanopticAnnotations')]
    dataset = dict(
        type='CocoPanopticDataset', data_root=str(data), ann_file='panoptic.json',
        data_prefix=dict(img='images/', seg='maps/'),
        metainfo=dict(classes=(*CLASSES, *STUFF), thing_classes=CLASSES, stuff_classes=STUFF, palette=PALETTE))
    keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')
    cfg.train_dataloader.dataset = dict(
        dataset, pipeline=[*load, dict(type='RandomFlip', prob=0.5), dict(type='PackDetInputs')])
    cfg.val_dataloader.dataset = dict(dataset, test_mode=True, pipeline=[
        load[0], dict(type='Resize', scale=(64, 64), keep_ratio=True), load[1],
        dict(type='PackDetInputs', meta_keys=keys)])
    cfg.test_dataloader = cfg.val_dataloader
    cfg.val_evaluator = cfg.test_evaluator = dict(
        type='mmseg_plugins.PanopticQualityMetric', ann_file=str(data / 'panoptic.json'), seg_prefix=str(data / 'maps'))
    cfg.merge_from_dict(changes)
    return cfg


FIELDS: dict[str, tuple[str, ...]] = {
    'annotations': ('image_id', 'file_name', 'segments_info'), 'images': ('id', 'width', 'height', 'file_name'),
    'categories': ('id', 'name', 'isthing'),
}
SEGMENT = ('id', 'category_id', 'iscrowd', 'bbox', 'area')
VALUES: dict[str, Any] = {
    'missing': ..., 'null': None, 'text': 'seven', 'digits': '1', 'half': 1.5, 'whole float': 1.0, 'list': [1],
    'negative': -1, 'huge': 2**70, 'NaN': float('nan'), 'true': True, 'zero': 0}


def _edit(change: Callable[[dict[str, Any]], object]) -> Damage:
    def spoil(folder: Path) -> None:
        path = folder / 'panoptic.json'
        content = json.loads(path.read_text(encoding='utf-8'))
        change(content)
        path.write_text(json.dumps(content), encoding='utf-8')
    return spoil


def _put(item: dict[str, Any], key: str, value: Any) -> None:
    if value is ...:
        item.pop(key, None)
    else:
        item[key] = value


def _segments(content: dict[str, Any]) -> list[dict[str, Any]]:
    segments: list[dict[str, Any]] = content['annotations'][0]['segments_info']
    return segments


def _fields() -> dict[str, Damage]:
    kinds: dict[str, Damage] = {}
    for name, value in VALUES.items():
        for part, keys in FIELDS.items():
            for key in keys:
                kinds[f'{part}.{key} {name}'] = _edit(
                    lambda content, part=part, key=key, value=value:  # type: ignore[misc]
                    _put(content[part][0], key, value))
        for key in SEGMENT:
            kinds[f'segment.{key} {name}'] = _edit(
                lambda content, key=key, value=value: _put(_segments(content)[0], key, value))  # type: ignore[misc]
    return kinds


def _redraw(change: Callable[[np.ndarray], Image.Image], everywhere: bool = False) -> Damage:
    """Change the ids (H, W) of the first map, or of all, and write what ``change`` makes of them."""
    def spoil(folder: Path) -> None:
        for path in sorted((folder / 'maps').iterdir())[:None if everywhere else 1]:
            change(ids_of_bgr(cv2.imread(str(path)))).save(path, format='PNG')
    return spoil


def _colors(ids: np.ndarray) -> Image.Image:
    return Image.fromarray(ids_as_bgr(ids)[..., ::-1].copy())


def _deep(folder: Path) -> None:
    path = folder / 'maps' / '0.png'
    cv2.imwrite(str(path), cv2.imread(str(path)).astype(np.uint16))


def _renamed(suffix: str, in_json: str) -> Damage:
    """Give the images another suffix; ``in_json`` is what the entries of the maps then say."""
    def spoil(folder: Path) -> None:
        for path in sorted((folder / 'images').iterdir()):
            path.rename(path.with_suffix(suffix))
        content = json.loads((folder / 'panoptic.json').read_text())
        for image, entry in zip(content['images'], content['annotations'], strict=True):
            image['file_name'] = image['file_name'].replace('.png', suffix)
            entry['file_name'] = entry['file_name'].replace('.png', in_json)
        (folder / 'panoptic.json').write_text(json.dumps(content))
    return spoil


def _named(in_file: str, on_disk: str) -> Damage:
    """Another name for the first image and its map."""
    def spoil(folder: Path) -> None:
        for part in ('images', 'maps'):
            target = folder / part / on_disk
            target.parent.mkdir(exist_ok=True)
            (folder / part / '0.png').rename(target)
        _edit(lambda content: [content[part][0].update(file_name=in_file)
                               for part in ('images', 'annotations')])(folder)
    return spoil


def _void(folder: Path) -> None:
    for path in (folder / 'maps').iterdir():
        cv2.imwrite(str(path), np.zeros((64, 64, 3), np.uint8))
    _edit(lambda content: [entry['segments_info'].clear() for entry in content['annotations']])(folder)


def _void_in_one(folder: Path) -> None:
    cv2.imwrite(str(folder / 'maps' / '0.png'), np.zeros((64, 64, 3), np.uint8))
    _edit(lambda content: _segments(content).clear())(folder)


def _thin(width: int, height: int) -> Damage:
    def spoil(folder: Path) -> None:
        Image.new('RGB', (width, height)).save(folder / 'images' / '0.png')
        _colors(np.full((height, width), 300)).save(folder / 'maps' / '0.png')
        whole = dict(id=300, category_id=3, iscrowd=0, area=width * height, bbox=[0, 0, width, height])
        content = json.loads((folder / 'panoptic.json').read_text())
        content['images'][0].update(width=width, height=height)
        content['annotations'][0]['segments_info'] = [whole]
        (folder / 'panoptic.json').write_text(json.dumps(content))
    return spoil


CONTENT: dict[str, Damage] = {
    'a segment is missing': _edit(lambda content: _segments(content).pop()),
    'a segment is null': _edit(lambda content: _segments(content).append(None)),  # type: ignore[arg-type]
    'a segment twice': _edit(lambda content: _segments(content).append(_segments(content)[0])),
    'a segment id twice': _edit(lambda content: _segments(content)[1].update(id=_segments(content)[0]['id'])),
    'a segment that is not drawn': _edit(lambda content: _segments(content)[0].update(id=77)),
    'a segment of the id 0': _edit(lambda content: _segments(content).append(dict(_segments(content)[0], id=0))),
    'an unknown category': _edit(lambda content: _segments(content)[0].update(category_id=99)),
    'area 0': _edit(lambda content: _segments(content)[0].update(area=0)),
    'a box as corners': _edit(lambda content: _segments(content)[0].update(bbox=[30, 30, 60, 60])),
    'a box of zeros': _edit(lambda content: _segments(content)[0].update(bbox=[0, 0, 0, 0])),
    'all are crowds': _edit(lambda content: [s.update(iscrowd=1) for a in content['annotations']
                                             for s in a['segments_info']]),
    'no segments': _edit(lambda content: _segments(content).clear()),
    'an entry twice': _edit(lambda content: content['annotations'].append(content['annotations'][0])),
    'an entry too few': _edit(lambda content: content['annotations'].pop()),
    'an entry is null': _edit(lambda content: content['annotations'].append(None)),
    'an entry of an unknown image': _edit(lambda content: content['annotations'].append(
        dict(content['annotations'][0], image_id=99))),
    'an image twice': _edit(lambda content: content['images'].append(content['images'][0])),
    'no images': _edit(lambda content: content['images'].clear()),
    'no annotations': _edit(lambda content: content['annotations'].clear()),
    'no categories': _edit(lambda content: content['categories'].clear()),
    'all are things': _edit(lambda content: [c.update(isthing=1) for c in content['categories']]),
    'categories in another order': _edit(lambda content: content['categories'].reverse()),
    'one category more': _edit(lambda content: content['categories'].append(dict(id=9, name='else', isthing=0))),
    'one category less': _edit(lambda content: content['categories'].pop()),
    'a category in capitals': _edit(lambda content: content['categories'][0].update(name='DISC')),
    'an instance file': _edit(lambda content: content.update(annotations=[
        dict(id=1, image_id=1, category_id=1, bbox=[1, 1, 9, 9], area=81, iscrowd=0)])),
    'map: another size': _redraw(lambda ids: _colors(ids[:32, :32])),
    'map: turned': _redraw(lambda ids: _colors(ids[:48].T)),
    'map: gray': _redraw(lambda ids: Image.fromarray((ids % 256).astype(np.uint8))),
    'map: 16 bits, gray': _redraw(lambda ids: Image.fromarray(ids.astype(np.uint16))),
    'map: 16 bits, colored': _deep,
    'map: RGBA': _redraw(lambda ids: _colors(ids).convert('RGBA')),
    'map: palette': _redraw(lambda ids: _colors(ids).convert('P')),
    'map: BGR': _redraw(lambda ids: Image.fromarray(ids_as_bgr(ids))),
    'map: other ids': _redraw(lambda ids: _colors(ids + 1)),
    'map: void in one': _void_in_one,
    'map: void in all': _void,
    'images .jpg': _renamed('.jpg', '.png'),
    'images .jpg, entries too': _renamed('.jpg', '.jpg'),
    'images .jpeg': _renamed('.jpeg', '.png'),
    'entries without a suffix': _edit(lambda content: content['annotations'][0].update(file_name='0')),
    'images without a suffix': _edit(lambda content: content['images'][0].update(file_name='0')),
}


def damages() -> dict[str, Damage]:
    """Every kind by name."""
    kinds: dict[str, Damage] = {'sound': lambda folder: None, **_fields(), **CONTENT}
    kinds |= {f'image: {name}': spoil for name, spoil in image_files('images').items()}
    kinds |= {f'map file: {name}': spoil for name, spoil in image_files('maps').items()}
    kinds |= {f'image: {w} x {h} px': _thin(w, h) for w, h in THIN}
    kinds |= {f'name: {name}': _named(*names) for name, names in NAMES.items()}
    return kinds
