"""PASCAL VOC instances of the Semantic Boundaries Dataset, read from its own files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdet.datasets import BaseDetDataset, VOCDataset

from mmseg_plugins.datasets.sbd_files import CLASSES, FOLDERS, LAYOUT, SUFFIXES, read_instances, read_names
from mmseg_plugins.registry import DATASETS
from mmseg_plugins.structures.images import missing_files
from mmseg_plugins.structures.rle import encode_mask
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track
from mmseg_plugins.utils.suggest import what_is_there


@DATASETS.register_module()
class SBDInstanceDataset(BaseDetDataset):
    """Objects of 20 classes with exact masks, as SDS, MNC and FCIS use them.

    The layout and the split of the papers: :mod:`mmseg_plugins.datasets.sbd_files`.  Boxes are half-open, in pixels,
    tight around the mask; masks are compressed RLEs for ``LoadAnnotations(with_mask=True)``; void pixels (255) belong
    to no object.  Every label file is opened at the start (about 5 ms per image); ``mmseg-plugins convert-data sbd``
    writes a COCO JSON that is read at once.

    Args:
        ann_file: list of names below ``data_root``, such as ``train.txt``.
        data_prefix: folders ``img``, ``inst``, ``cls``; those not given have these names.
        filter_cfg: ``filter_empty_gt`` drops images without an object of ``metainfo['classes']``, ``min_size`` images
            with a shorter side in pixels.  No effect in ``test_mode``.
        kwargs: further arguments of ``mmdet.BaseDetDataset``.

    Raises:
        UserError: a folder, a list or a file that is missing or has another content.
    """

    METAINFO = {'classes': CLASSES, 'palette': VOCDataset.METAINFO['palette']}

    def __init__(self, *args: Any, data_prefix: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, data_prefix={**FOLDERS, **(data_prefix or {})}, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """One dict an image, with ``instances`` as mmdet's transforms read them."""
        unknown = [name for name in self.metainfo['classes'] if name not in CLASSES]
        if unknown:
            raise UserError(f'SBD has no classes {unknown}.', rule=f'they are {CLASSES}.',
                            fix='correct metainfo.classes.')
        labels = {CLASSES.index(name): label for label, name in enumerate(self.metainfo['classes'])}
        names = read_names(Path(self.ann_file))
        self._require_files(names)
        description = f'Reading {Path(self.ann_file).name} of SBD'
        return [self._image(name, labels) for name in track(names, description=description)]

    def _require_files(self, names: list[str]) -> None:
        for key, suffix in SUFFIXES.items():
            folder = Path(self.data_prefix[key])
            if not folder.is_dir():
                raise UserError(
                    f'the folder {folder} does not exist. {what_is_there(folder, folders=True)}',
                    rule=f'the layout is {LAYOUT}.',
                    fix=f'correct data_root, or data_prefix=dict({key}=...).',
                )
            missing = [names[i] + suffix for i in missing_files(folder, [name + suffix for name in names])]
            if missing:
                raise UserError(
                    f'{len(missing)} of the {len(names)} files that {self.ann_file} names are not in {folder}: '
                    f'{", ".join(missing[:3])}{" ..." if len(missing) > 3 else ""}.',
                    fix='unpack the archive again, or use the list that belongs to it.',
                )

    def _image(self, name: str, labels: Mapping[int, int]) -> dict[str, Any]:
        files = {key: Path(self.data_prefix[key]) / f'{name}{suffix}' for key, suffix in SUFFIXES.items()}
        (height, width), found = read_instances(files['inst'], files['cls'])
        instances = [
            {
                'bbox': [float(side) for side in instance.box],
                'bbox_label': labels[instance.label],
                'mask': encode_mask(instance.mask),
                'ignore_flag': 0,
            }
            for instance in found
            if instance.label in labels
        ]
        return {
            'img_id': name,
            'img_path': str(files['img']),
            'height': height,
            'width': width,
            'instances': instances,
        }

    def filter_data(self) -> list[dict[str, Any]]:
        """The images that ``filter_cfg`` leaves."""
        if self.test_mode or self.filter_cfg is None:
            return self.data_list
        least = 1 if self.filter_cfg.get('filter_empty_gt', False) else 0
        shortest = self.filter_cfg.get('min_size', 0)
        kept = [
            image
            for image in self.data_list
            if len(image['instances']) >= least and min(image['width'], image['height']) >= shortest
        ]
        if not kept:
            raise UserError(
                f'none of the {len(self.data_list)} images of {self.ann_file} is left.',
                rule=f'filter_cfg={dict(self.filter_cfg)} with the classes {self.metainfo["classes"]}.',
                fix='loosen it.',
            )
        return kept

    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels of the objects of one image, for ``ClassBalancedDataset``."""
        return [instance['bbox_label'] for instance in self.get_data_info(idx)['instances']]
