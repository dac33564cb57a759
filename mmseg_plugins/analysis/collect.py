"""From a config or a COCO file to the table of objects, through the geometry of the training pipeline.

The pipeline runs as in training, on blank images of the sizes that the JSON
states: resizes, crops and flips act as they will, nothing is read from disk but
the annotations.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import set_random_seed
from mmengine.utils import import_modules_from_strings

from mmseg_plugins.analysis.objects import Objects, mask_moments
from mmseg_plugins.config import leaf_datasets, load_config
from mmseg_plugins.datasets.classes import read_classes
from mmseg_plugins.datasets.coco_check import CocoSource, ImageOptions, check_coco
from mmseg_plugins.datasets.coco_structure import read_json, structure_problems
from mmseg_plugins.datasets.data_check import check_config
from mmseg_plugins.utils.class_counts import base_datasets
from mmseg_plugins.utils.progress import track
from mmseg_plugins.visualization.masks import mask_box
from mmseg_plugins.visualization.sample_sheets import annotations_are_resized
from mmseg_plugins.visualization.samples import get_instances

MOST_CROPS = 2000  # masks that are kept for measuring their resolution
NO_FILES = ImageOptions(files=False)


class FitError(ValueError):
    """Data that cannot be measured; the message says which value, the rule and the remedy."""

    explains_itself = True


class Source(NamedTuple):
    """What is measured: the data set's config, the whole config, and a name for the report."""

    dataset: Mapping[str, Any]
    cfg: Config
    name: str


class BlankImage:
    """Stands for the step that loads an image: zeros of the size in the annotation file."""

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        size = int(results['height']), int(results['width'])
        results['img'] = np.zeros((*size, 3), np.uint8)
        results['img_shape'] = results['ori_shape'] = size
        return results


def open_source(
    path: str, size: tuple[int, int] | None = None, cfg_options: Mapping[str, Any] | None = None
) -> Source:
    """The training data of a config, or one COCO file.

    Args:
        path: A config (also ``mmdet::...``) or a ``.json`` file.
        size: For a JSON: long and short side (px) to which images are resized with their ratio kept, as ``scale`` of
            mmdet's ``Resize``; None leaves them as they are.  A config has its own sizes.

    Raises:
        FitError: the file is missing or not instance data; every problem is listed.
        FileNotFoundError, mmseg_plugins.config.ConfigError: as ``load_config``.
    """
    if path.endswith('.json'):
        return _open_json(Path(path), size)
    if size is not None:
        raise FitError(f'--size {size}: a config resizes by its own pipeline. Remedy: leave it out, or give the JSON.')
    cfg = load_config(path, cfg_options)
    loader = cfg.get('train_dataloader')
    if loader is None:
        raise FitError(f'{path} has no train_dataloader: no data to measure. Remedy: name the COCO JSON instead.')
    if cfg.get('default_scope') == 'mmseg':
        raise FitError(f'{path} trains on label maps; single objects are measured. Remedy: an instance (mmdet) config.')
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    _refuse(check_problems(cfg, 'train'), path)
    return Source(loader['dataset'], cfg, path)


def _open_json(path: Path, size: tuple[int, int] | None) -> Source:
    content, problem = read_json(path)
    _refuse([problem] if problem else structure_problems(content), str(path))
    if not content['categories']:
        _refuse(['"categories" is empty. Rule: each object has a category. Remedy: export the file again.'], str(path))
    classes = read_classes(path)
    _refuse(check_coco(CocoSource('train', path, path.parent, classes), NO_FILES).problems(), str(path))
    resize = [] if size is None else [dict(type='Resize', scale=size, keep_ratio=True)]
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
        *resize,
        dict(type='PackDetInputs', meta_keys=()),
    ]
    dataset = dict(
        type='CocoDataset', ann_file=os.fspath(path), data_prefix=dict(img=''), metainfo=dict(classes=classes),
        pipeline=pipeline)
    cfg = Config(dict(default_scope='mmdet', train_dataloader=dict(dataset=dataset)))
    return Source(cfg.train_dataloader.dataset, cfg, str(path))


def _without_model(cfg: Config) -> dict[str, Any]:
    """The config without its model, whose class numbers do not matter here."""
    return {key: value for key, value in cfg.items() if key != 'model'}


def _refuse(problems: list[str], path: str) -> None:
    if problems:
        raise FitError('\n  - '.join([f'{path} cannot be measured:', *problems]))


def collect_objects(source: Source, max_images: int = 5000, seed: int = 0) -> Objects:
    """Run the training pipeline once over at most ``max_images`` evenly spaced images and take its objects.

    Raises:
        FitError: the pipeline gives no objects, or no masks.
    """
    init_default_scope(source.cfg.get('default_scope') or 'mmdet')
    set_random_seed(seed)
    with redirect_stdout(sys.stderr):  # pycocotools prints; standard output stays free for the table
        dataset = _build_blank(source.dataset)
    whole = np.array([
        sum(not item.get('ignore_flag') for item in base.get_data_info(index).get('instances', ()))
        for base in base_datasets(dataset) for index in range(len(base))
    ], np.int64)
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(max_images, len(dataset))).round().astype(int))
    first = next(base_datasets(dataset))
    in_original_frame = bool(getattr(first, 'test_mode', False)) and not annotations_are_resized(first)
    taken = _Taken(max(1, int(whole.sum()) * len(chosen) // max(len(whole), 1) // MOST_CROPS), in_original_frame)
    for index in track([int(value) for value in chosen], description='Measuring'):
        taken.add(dataset[index], source.name)
    return taken.table(whole, _pad_divisor(source.cfg), source.name)


def validation_source(source: Source) -> Source | None:
    """The validation data of a config with its own resize; None where it has none that can be measured."""
    loader = source.cfg.get('val_dataloader')
    if loader is None or check_problems(source.cfg, 'val'):
        return None
    return source._replace(dataset=loader['dataset'])


def check_problems(cfg: Config, split: str) -> list[str]:
    """What the data check finds in the annotations of one split."""
    return [text for report in check_config(_without_model(cfg), (split, ), NO_FILES) for text in report.problems()]


def _build_blank(config: Mapping[str, Any]) -> Any:
    """The data set with blank images in place of those on disk."""
    config = copy.deepcopy(config)
    for leaf in leaf_datasets(config):
        steps = leaf.get('pipeline') or []
        leaf['pipeline'] = [BlankImage() if _loads_image(step) else step for step in steps]
    return DATASETS.build(config)


def _loads_image(step: Any) -> bool:
    kind = step['type'] if isinstance(step, Mapping) else type(step)
    return (kind if isinstance(kind, str) else kind.__name__).rsplit('.', 1)[-1] == 'LoadImageFromFile'


def _pad_divisor(cfg: Config) -> int:
    """What the preprocessor pads inputs to; 32, the coarsest stride of the usual pyramid, without a model."""
    return int(((cfg.get('model') or {}).get('data_preprocessor') or {}).get('pad_size_divisor', 32))


class _Taken:
    """Collects the objects of one input after the other; every ``step``-th mask is kept.

    With ``in_original_frame`` the pipeline resized the image but not its annotations, as hosts do at test time: boxes
    and centres are scaled with the image (areas and crops stay).
    """

    def __init__(self, step: int, in_original_frame: bool = False) -> None:
        self.step = step
        self.in_original_frame = in_original_frame
        self.parts: dict[str, list[np.ndarray]] = {key: [] for key in ('boxes', 'labels', 'centres', 'areas', 'shared')}
        self.counts: list[int] = []
        self.inputs: list[tuple[int, int]] = []
        self.covered: list[tuple[int, int]] = []
        self.crops: list[np.ndarray] = []

    def add(self, item: Any, name: str) -> None:
        sample = item['data_samples']
        truth = get_instances(sample.gt_instances) if 'gt_instances' in sample else None
        if truth is None or not isinstance(truth.masks, np.ndarray):
            raise FitError(
                f'the training pipeline of {name} gives no masks; sizes and overlap are measured on them. '
                'Remedy: LoadAnnotations(with_bbox=True, with_mask=True), or an instance data set.'
            )
        seen = sum(self.counts)
        areas, centres, shared, covered = mask_moments(truth.masks)
        boxes, size = truth.boxes.astype(float), tuple(int(side) for side in item['inputs'].shape[-2:])
        if self.in_original_frame:
            ratio = np.array([size[1] / truth.masks.shape[2], size[0] / truth.masks.shape[1]])
            boxes, centres = boxes * np.tile(ratio, 2), centres * ratio
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        rows = (boxes, truth.labels, np.where(areas[:, None] > 0, centres, middle), areas, shared)
        for part, values in zip(self.parts.values(), rows, strict=True):
            part.append(values)
        for mask in truth.masks[-seen % self.step::self.step]:
            box = mask_box(mask)
            if box is not None:
                self.crops.append(mask[box[1]:box[3], box[0]:box[2]].copy())
        self.counts.append(len(areas))
        self.inputs.append((size[0], size[1]))
        self.covered.append(covered)

    def table(self, whole_counts: np.ndarray, pad_divisor: int, name: str) -> Objects:
        if not sum(self.counts):
            raise FitError(
                f'not one object in {len(self.counts)} inputs of {name}. Rule: something must be there to measure. '
                'Remedy: check classes and category names, iscrowd (crowds are not counted) and the crop.'
            )
        joined = {key: np.concatenate(values) for key, values in self.parts.items()}
        return Objects(
            image=np.repeat(np.arange(len(self.counts)), self.counts),
            inputs=np.array(self.inputs, np.int64),
            covered=np.array(self.covered, np.int64),
            whole_counts=whole_counts,
            crops=tuple(self.crops),
            pad_divisor=pad_divisor,
            **joined,
        )
