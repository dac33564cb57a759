"""Kinds of damage to a tiny SBD set: each function spoils the folder that ``sbd_sets.write_sbd`` wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from damaged_images import THIN, Damage, image_files
from mmengine.config import Config
from PIL import Image
from sbd_sets import IMAGES, label_maps, write_mats
from scipy.io import savemat
from toy_runs import detector_config

CLASSES = ('bicycle', 'person', 'tvmonitor')


def sbd_config(data: Path, work_dir: Path, **changes: Any) -> Config:
    """A tiny Mask R-CNN on :func:`sbd_sets.write_sbd` data, all of it for training, one image for validation."""
    cfg = detector_config(data, work_dir)
    for head in (cfg.model.roi_head.bbox_head, cfg.model.roi_head.mask_head):
        head.num_classes = len(CLASSES)
    for key, names in (('train_dataloader', 'train.txt'), ('val_dataloader', 'val.txt')):
        dataset = cfg[key].dataset
        dataset.update(type='mmseg_plugins.SBDInstanceDataset', ann_file=names, data_prefix=dict(img='img/'),
                       metainfo=dict(classes=CLASSES))
    cfg.train_dataloader.dataset.filter_cfg = dict(filter_empty_gt=True)
    cfg.train_dataloader.batch_size = 1
    cfg.test_dataloader = cfg.val_dataloader
    cfg.val_evaluator = cfg.test_evaluator = dict(type='mmseg_plugins.InstanceVOCMetric', iou_thrs=(0.5, 0.7))
    cfg.merge_from_dict(changes)
    return cfg


def _maps(change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Damage:
    """Change the instance map and the class map (H, W) of the first image."""
    def spoil(folder: Path) -> None:
        objects = IMAGES['a_01']
        inst, cls = label_maps(objects)
        write_mats(folder, 'a_01', *change(inst, cls), [label for label, *_ in objects])
    return spoil


def _file(kind: str, put: Callable[[Path], object]) -> Damage:
    return lambda folder: put(folder / kind / 'a_01.mat') and None


def _list(data: bytes) -> Damage:
    return lambda folder: (folder / 'train.txt').write_bytes(data) and None


def _thin(width: int, height: int) -> Damage:
    def spoil(folder: Path) -> None:
        for name in ('a_01', 'b_01'):
            Image.new('RGB', (width, height)).save(folder / 'img' / f'{name}.jpg')
            write_mats(folder, name, np.ones((height, width), np.uint8), np.full((height, width), 15, np.uint8), [15])
    return spoil


def _swap(folder: Path) -> None:
    (folder / 'inst').rename(folder / 'else')
    (folder / 'cls').rename(folder / 'inst')
    (folder / 'else').rename(folder / 'cls')


def damages() -> dict[str, Damage]:
    """Every kind by name."""
    kinds: dict[str, Damage] = {
        'sound': lambda folder: None,
        'maps: another size': _maps(lambda inst, cls: (inst[:9], cls[:9])),
        'maps: of two sizes': _maps(lambda inst, cls: (inst, cls[:9])),
        'maps: turned': _maps(lambda inst, cls: (inst.T, cls.T)),
        'maps: class 21': _maps(lambda inst, cls: (inst, np.where(cls == 2, 21, cls).astype(np.uint8))),
        'maps: an object of two classes': _maps(lambda inst, cls: (np.minimum(inst, 1), cls)),
        'maps: an object without a class': _maps(lambda inst, cls: (inst, cls * 0)),
        'maps: a class without an object': _maps(lambda inst, cls: (inst * 0, cls)),
        'maps: void only': _maps(lambda inst, cls: (inst * 0 + 255, cls * 0 + 255)),
        'maps: empty': _maps(lambda inst, cls: (inst * 0, cls * 0)),
        'maps: 16 bits': _maps(lambda inst, cls: (inst.astype(np.uint16), cls.astype(np.uint16))),
        'maps: floats': _maps(lambda inst, cls: (inst.astype(np.float64), cls.astype(np.float64))),
        'maps: NaN': _maps(lambda inst, cls: (inst * np.nan, cls * np.nan)),
        'maps: colored': _maps(lambda inst, cls: (np.stack([inst] * 3, 2), np.stack([cls] * 3, 2))),
        'maps: one pixel objects': _maps(lambda inst, cls: (np.eye(24, 36, dtype=np.uint8),
                                                            np.eye(24, 36, dtype=np.uint8) * 15)),
        'folders exchanged': _swap,
        'file: without the structure': _file('inst', lambda path: savemat(path, {'a': 1}) or 1),
        'file: another field': _file('cls', lambda path: savemat(path, {'GTcls': {'Boundaries': 1}}) or 1),
        'list: CRLF': _list(b'a_01\r\na_02\r\n'),
        'list: blank lines': _list(b'\na_01\n\n\na_02\n'),
        'list: byte order mark': _list(b'\xef\xbb\xbfa_01\na_02\n'),
        'list: UTF-16': _list('a_01\na_02\n'.encode('utf-16')),
        'list: Latin-1': _list(b'a_01\n\xfc\n'),
        'list: empty': _list(b''),
        'list: suffix': _list(b'a_01.jpg\na_02.jpg\n'),
        'list: unknown name': _list(b'a_01\nabsent\n'),
        'list: a name twice': _list(b'a_01\na_01\n'),
        'list: two columns': _list(b'a_01 1\na_02 -1\n'),
        'list: images without objects': _list(b'a_03\n'),
        'list: shared with val': _list(b'a_01\nb_01\n'),
        'list: missing': lambda folder: (folder / 'train.txt').unlink(),
    }
    for name in ('truncated', 'empty file', 'text', 'missing', 'a folder', 'link', 'dangling link'):
        for part in ('inst', 'cls'):
            kinds[f'{part}: {name}'] = image_files(part)[name]
    kinds |= {f'image: {name}': spoil for name, spoil in image_files('img').items()}
    kinds |= {f'image: {w} x {h} px': _thin(w, h) for w, h in THIN}
    return kinds
