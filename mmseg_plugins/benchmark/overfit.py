"""Can a system learn a few images by heart?  The test that separates a fault of recipe or code from too little data.

A network that cannot fit eight images has a fault: the learning rate, dropout before batch norm, class weights, first
weights of the last layer, the statistics of the norms, the normalizer of a loss, or a bug.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.registry import DATASETS

from mmseg_plugins.benchmark.short_runs import (
    WORKERS,
    read_training_truth,
    run_and_score,
    short_config,
    write_images,
)
from mmseg_plugins.config.scope import enter_scope_of
from mmseg_plugins.config.walk import leaf_datasets, shares_labels
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.utils.errors import UserError

#: Steps of a pipeline that change an image at random; parts of their names.
RANDOM = ('Random', 'PhotoMetric', 'Mosaic', 'MixUp', 'CutOut', 'CopyPaste', 'Jitter', 'Rotate', 'Albu', 'MinIoU',
          'Expand', 'GridMask')
#: Size of the images where the config's scope is mmseg and nobody asked for another.  A config that scores in windows
#: (DeconvNet takes no other size) sees images as large as one, one that trains on whole images sees those.
SEMANTIC_SIZE = (64, 96)
#: Copies ``img_shape`` to ``ori_shape``: predictions and labels then meet at the size the network saw.
TAKE_AS_ORIGINAL = dict(type='KeyMapper', mapping=dict(img_shape='img_shape'), remapping=dict(img_shape='ori_shape'))


class Settings(NamedTuple):
    """What is learnt, and for how long.

    Attributes:
        images: The first of the training set.
        size: (height, width) that every image of a semantic config is resized to; None: 64 x 96, or
            one window, or as they are where the recipe neither resizes nor crops.
        iters: Training iterations: a linear warm-up over the first tenth, then a cosine to zero.
        lr_factor: On the learning rate of every parameter group.
        seed: Of weights and order.
        batch_size: Images of a training step; None: the recipe's, or all where that has more.
    """

    images: int = 8
    size: tuple[int, int] | None = None
    iters: int = 200
    lr_factor: float = 1.0
    seed: int = 0
    batch_size: int | None = None


def overfit_config(cfg: Config, settings: Settings) -> Config:
    """The config that trains and validates on the same few images, without augmentation.

    Model, losses, optimizer, clipping and custom hooks stay the config's own.  The images are the first of its training
    set, read without any random step (:data:`RANDOM`); the schedule is a warm-up and a cosine for every system alike.

    Raises:
        UserError: the config has no training or validation part, or its optimizer's rate is no number; a size for
            instances; a batch size for labels of a part of the images.
    """
    cfg = short_config(cfg, iters=settings.iters, lr_factor=settings.lr_factor, seed=settings.seed)
    semantic = cfg.get('default_scope') == 'mmseg'
    if settings.size and not semantic:
        raise UserError('--size: instances are scored at the size of their files.', fix='leave it out for this config')
    size = settings.size or (_size_of(cfg) if semantic else None)
    _set_data(cfg, settings.images, size, settings.batch_size)
    preprocessor = cfg.model.get('data_preprocessor') or {}
    if size and preprocessor.get('size'):
        preprocessor['size'] = tuple(size)  # of the recipe's crops: what is smaller would be padded to it
    return cfg


def _size_of(cfg: Config) -> Sequence[int] | None:
    """What a semantic config sees where nobody asked for a size; None: its images as they are."""
    windows = cfg.model.get('test_cfg') or {}
    if windows.get('mode') == 'slide':
        return windows['crop_size']
    pipeline = next(iter(leaf_datasets(cfg.train_dataloader.dataset))).get('pipeline') or []
    changes = any(word in step['type'] for step in pipeline for word in ('Resize', 'Crop'))
    return SEMANTIC_SIZE if changes else None


def measure_overfit(cfg: Config, settings: Settings, timeout: float | None = None) -> dict[str, Any]:
    """Train on a few images and score on the same ones.

    Args:
        timeout: Seconds of the clock that the training may take; None: any.

    Returns:
        See :func:`~mmseg_plugins.benchmark.short_runs.run_and_score`.

    Raises:
        TimeoutError: the training takes longer than ``timeout``.
    """
    cfg = overfit_config(cfg, settings)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        keep_ground_truth(cfg, Path(folder) / 'ground_truth.json')
        return run_and_score(cfg, timeout=timeout)


def _set_data(cfg: Config, images: int, size: Sequence[int] | None, batch_size: int | None) -> None:
    """Training and validation read the same first images."""
    loader = cfg.train_dataloader
    parts = list(leaf_datasets(loader.dataset))
    pipeline = fixed_pipeline(parts[0].get('pipeline') or loader.dataset.get('pipeline') or [], size)
    own = next(iter(leaf_datasets(cfg.val_dataloader.dataset)))
    test_pipeline = fixed_pipeline(own['pipeline'], size)
    train = dict(deepcopy(parts[0]), indices=images, pipeline=pipeline)
    batch = min(batch_size or int(loader.get('batch_size', 2)), images)
    kept: tuple[str, ...] = ('collate_fn', )
    dataset: dict[str, Any] = train
    if shares_labels(loader.dataset):  # as many of the next images, without their labels
        if batch_size:
            raise UserError('--batch-size: this recipe mixes labeled and unlabeled images in fixed shares.',
                            fix='leave it out for this config')
        kept, batch = ('collate_fn', 'batch_sampler'), int(loader.batch_size)
        following = list(range(images, 2 * images))
        others = [dict(deepcopy(part), indices=following, pipeline=fixed_pipeline(part['pipeline'], size))
                  for part in parts[1:]]
        dataset = dict(deepcopy(loader.dataset), share=1.0, datasets=[train, *others])
    cfg.train_dataloader = dict(batch_size=batch, sampler=dict(type='InfiniteSampler', shuffle=True), dataset=dataset,
                                **{key: loader[key] for key in kept if key in loader}, **WORKERS)
    cfg.val_dataloader = dict(batch_size=1, sampler=dict(type='DefaultSampler', shuffle=False),
                              dataset=dict(deepcopy(train), pipeline=test_pipeline), **WORKERS)
    read_training_truth(cfg, train)


def keep_ground_truth(cfg: Config, path: Path) -> None:
    """Write the annotations of the few images alone to ``path``, and let data sets and evaluators read those.

    COCO's average precision is over every image of the file: 8 of 1,000 images found without fault would be 0.8 %.
    """
    evaluators = [evaluator for evaluator in cfg.val_evaluator if evaluator.get('ann_file')]
    if not evaluators:
        return
    enter_scope_of(cfg)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    ids = {dataset.get_data_info(index)['img_id'] for index in range(len(dataset))}
    write_images(read_coco(evaluators[0]['ann_file']).content, ids, path)
    for reader in (cfg.train_dataloader.dataset, cfg.val_dataloader.dataset, *evaluators):
        reader['ann_file'] = str(path.resolve())


def fixed_pipeline(pipeline: Sequence[Mapping[str, Any]], size: Sequence[int] | None) -> list[dict[str, Any]]:
    """A pipeline without random steps and with one size, set right after the annotations are loaded.

    Args:
        size: (height, width); None leaves the images as large as they are.
    """
    kept = [dict(step) for step in pipeline if not any(word in step['type'] for word in RANDOM)]
    if size is None:
        return kept
    kept = [step for step in kept if not step['type'].endswith('Resize')]
    reads = ('Load', 'SegMap')  # InstancesToSegMap draws the label map at the size of the file
    found = (index for index, step in enumerate(kept) if any(word in step['type'] for word in reads))
    place = 1 + max(found, default=0)
    kept[place:place] = [dict(type='Resize', scale=(size[1], size[0]), keep_ratio=False), TAKE_AS_ORIGINAL]
    return kept
