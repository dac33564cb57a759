"""The fingerprint of a data set: from a config or a COCO file to the table of its objects, as the training pipeline
gives them.

The pipeline runs as in training, on blank images of the sizes that the JSON
states: resizes, crops and flips act as they will, nothing is read from disk but
the annotations.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.runner import set_random_seed
from mmengine.utils import import_modules_from_strings

from mmseg_plugins.config.classes import read_classes
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.scope import enter_scope_of
from mmseg_plugins.config.walk import base_datasets, leaf_datasets
from mmseg_plugins.data_check.check_config import check_config
from mmseg_plugins.data_check.check_report import KINDS, DatasetReport
from mmseg_plugins.data_check.coco_check import CocoSource, check_coco
from mmseg_plugins.data_check.coco_structure import read_json, structure_problems
from mmseg_plugins.data_check.image_check import ImageOptions
from mmseg_plugins.planning.objects import Objects, mask_moments
from mmseg_plugins.structures.boxes import box_iou
from mmseg_plugins.structures.masks import mask_box
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track
from mmseg_plugins.visualization.samples import get_instances
from mmseg_plugins.visualization.sheets import annotations_are_resized

MOST_CROPS = 2000  # masks that are kept for measuring their resolution
FAR_BOXES = 0.05  # share of boxes far from their masks from which boxes are called into question
NO_FILES = ImageOptions(files=False)



class Source(NamedTuple):
    """What is measured.

    Attributes:
        dataset: The data set's config.
        cfg: The whole config.
        name: The file as it was named.
        options: Overrides of the config.
        left_out: What of the annotations the loader drops, a line each.
    """

    dataset: Mapping[str, Any]
    cfg: Config
    name: str
    options: Mapping[str, Any] = {}
    left_out: tuple[str, ...] = ()

    @property
    def is_json(self) -> bool:
        return is_json(self.name)


def is_json(path: str) -> bool:
    """Whether a source is taken for a COCO file rather than for a config."""
    return path.lower().endswith('.json')


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
        UserError: the file is missing or not instance data; every problem is listed.
        UserError: as ``load_config``.
    """
    if is_json(path):
        return _open_json(Path(path), size)
    if size is not None:
        raise UserError(f'--size {size}: a config resizes by its own pipeline.', fix='leave it out, or give the JSON.')
    cfg = load_config(path, cfg_options)
    loader = cfg.get('train_dataloader')
    if loader is None:
        raise UserError(f'{path} has no train_dataloader: no data to measure.', fix='name the COCO JSON instead.')
    if cfg.get('default_scope') == 'mmseg':
        raise UserError(f'{path} trains on label maps; single objects are measured.', fix='an instance (mmdet) config.')
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    reports = check_annotations(cfg, 'train')
    _refuse([text for report in reports for text in report.problems()], path)
    return Source(loader['dataset'], cfg, path, dict(cfg_options or {}), _left_out(reports))


def _open_json(path: Path, size: tuple[int, int] | None) -> Source:
    content, problem = read_json(path)
    _refuse([problem] if problem else structure_problems(content), str(path))
    if not content['categories']:
        _refuse(['"categories" is empty. Rule: each object has a category. Fix: export the file again.'], str(path))
    classes = read_classes(path)
    report = check_coco(CocoSource('train', path, path.parent, classes), NO_FILES)
    _refuse(report.problems(), str(path))
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
    return Source(cfg.train_dataloader.dataset, cfg, str(path), left_out=_left_out([report]))


def _without_model(cfg: Config) -> dict[str, Any]:
    """The config without its model, whose class numbers do not matter here."""
    return {key: value for key, value in cfg.items() if key != 'model'}


def _refuse(problems: list[str], path: str) -> None:
    if problems:
        raise UserError('\n  - '.join([f'{path} cannot be measured:', *problems]))


def collect_objects(source: Source, max_images: int = 5000, seed: int = 0) -> Objects:
    """Run the training pipeline once over at most ``max_images`` evenly spaced images and take its objects.

    Raises:
        UserError: the pipeline gives no objects, or no masks.
    """
    enter_scope_of(source.cfg)
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
    if loader is None or any(report.problems() for report in check_annotations(source.cfg, 'val')):
        return None
    return source._replace(dataset=loader['dataset'])


def check_annotations(cfg: Config, split: str) -> list[DatasetReport]:
    """The data check of the annotations of one split, without image files."""
    return check_config(_without_model(cfg), (split, ), NO_FILES)


def _left_out(reports: Sequence[DatasetReport]) -> tuple[str, ...]:
    return tuple(
        f'{number} x {KINDS[kind].rule}' for report in reports for kind, number in report.counts.items()
        if not KINDS[kind].stops)


def _build_blank(config: Mapping[str, Any]) -> Any:
    """The data set with blank images in place of those on disk."""
    config = copy.deepcopy(config)
    for leaf in leaf_datasets(config):
        steps = leaf.get('pipeline') or []
        leaf['pipeline'] = [_without_files(step) for step in steps]
    return DATASETS.build(config)


def _without_files(step: Any) -> Any:
    """A step of a pipeline that opens no file: blank images, and no maps of stuff (HTC's), which are not measured."""
    kind = step['type'] if isinstance(step, Mapping) else type(step)
    if (kind if isinstance(kind, str) else kind.__name__).rsplit('.', 1)[-1] == 'LoadImageFromFile':
        return BlankImage()
    return dict(step, with_seg=False) if isinstance(step, Mapping) and step.get('with_seg') else step


def _pad_divisor(cfg: Config) -> int:
    """What the preprocessor pads inputs to, 1 by default; 32, the stride of the usual pyramid, without a model."""
    if 'model' not in cfg:
        return 32
    return int((cfg.model.get('data_preprocessor') or {}).get('pad_size_divisor', 1))


class _Taken:
    """Collects the objects of one input after the other; every ``step``-th mask is kept.

    With ``in_original_frame`` the pipeline resized the image but not its annotations, as hosts do at test time: boxes
    and centers are scaled with the image (areas and crops stay).
    """

    def __init__(self, step: int, in_original_frame: bool = False) -> None:
        self.step = step
        self.in_original_frame = in_original_frame
        self.parts: dict[str, list[np.ndarray]] = {key: [] for key in ('boxes', 'labels', 'centers', 'areas', 'shared')}
        self.counts: list[int] = []
        self.inputs: list[tuple[int, int]] = []
        self.covered: list[tuple[int, int]] = []
        self.crops: list[np.ndarray] = []
        self.far_boxes = 0  # of the masks that are kept

    def add(self, item: Any, name: str) -> None:
        sample = item['data_samples']
        truth = get_instances(sample.gt_instances) if 'gt_instances' in sample else None
        if truth is None or not isinstance(truth.masks, np.ndarray):
            raise UserError(
                f'the pipeline of {name} gives no masks; sizes and overlap are measured on them.',
                fix='LoadAnnotations(with_bbox=True, with_mask=True), or an instance data set.',
            )
        seen = sum(self.counts)
        areas, centers, shared, covered = mask_moments(truth.masks)
        boxes, size = truth.boxes.astype(float), tuple(int(side) for side in item['inputs'].shape[-2:])
        if self.in_original_frame:
            ratio = np.array([size[1] / truth.masks.shape[2], size[0] / truth.masks.shape[1]])
            boxes, centers = boxes * np.tile(ratio, 2), centers * ratio
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        rows = (boxes, truth.labels, np.where(areas[:, None] > 0, centers, middle), areas, shared)
        for part, values in zip(self.parts.values(), rows, strict=True):
            part.append(values)
        for index in range(-seen % self.step, len(truth.masks), self.step):
            box = mask_box(truth.masks[index])
            if box is not None:
                self.crops.append(truth.masks[index][box[1]:box[3], box[0]:box[2]].copy())
                self.far_boxes += int(box_iou(truth.boxes[[index]], np.array([box]))[0, 0] < 0.5)
        self.counts.append(len(areas))
        self.inputs.append((size[0], size[1]))
        self.covered.append(covered)

    def table(self, whole_counts: np.ndarray, pad_divisor: int, name: str) -> Objects:
        if not sum(self.counts):
            raise UserError(
                f'not one object in {len(self.counts)} inputs of {name}.',
                rule='something must be there to measure.',
                fix='check classes and category names, iscrowd (crowds are not counted) and the crop.',
            )
        if self.far_boxes > FAR_BOXES * len(self.crops):
            print(
                f'warning: of {len(self.crops)} masks looked at, {self.far_boxes} overlap their bbox by less than half '
                f'(IoU). Rule: bbox is [x, y, width, height] in pixels. Sizes and anchors follow the boxes of {name}.',
                file=sys.stderr)
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
