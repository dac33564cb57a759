"""From a loaded config to a runner: what the command-line options change."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.evaluator import BaseMetric
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmseg_plugins.config.walk import leaf_datasets
from mmseg_plugins.utils.errors import UserError

_MEAN_TTA = MappingProxyType(dict(type='mmseg_plugins.MeanTTAModel'))
#: Parts of a detector's config that draw masks.
_MASK_PARTS = ('mask_head', 'mask_roi_extractor', 'panoptic_head', 'panoptic_fusion_head')


def configure_training(cfg: Config, args: argparse.Namespace) -> Config:
    """Apply ``--amp``, ``--auto-scale-lr``, ``--resume`` and ``--restart`` to a config, in place.

    Resuming is the default: the same command continues where it stood.
    """
    if args.amp:
        kind = cfg.optim_wrapper.get('type', 'OptimWrapper' if 'optimizer' in cfg.optim_wrapper else None)
        if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
            raise UserError(
                f'--amp replaces an OptimWrapper, but optim_wrapper of {args.config} is '
                f'{kind or "one of several optimizers"}.',
                fix='leave --amp out, and write AmpOptimWrapper where it belongs.',
            )
        if get_device() == 'cpu':
            cfg.optim_wrapper.type = 'mmseg_plugins.AutocastOptimWrapper'
        else:
            cfg.optim_wrapper.type = 'AmpOptimWrapper'
            cfg.optim_wrapper.loss_scale = 'dynamic'
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise UserError(
                f'--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in {args.config}, which has none.',
                fix='--cfg-options auto_scale_lr.base_batch_size=N, the batch size that the learning rate is for.',
            )
        cfg.auto_scale_lr.enable = True
    if args.restart:
        cfg.resume = False
    elif args.resume in (None, 'auto'):
        cfg.resume = 'auto'  # SafeRunner: the working folder's newest checkpoint, else load_from, else anew
    else:
        cfg.resume = True
        cfg.load_from = args.resume
    return cfg


def build_runner(cfg: Config) -> Runner:
    """Build the runner that the config names; a host's own config gets ours.

    A stock config (``mmdet::...``) thereby has the same checks, kill-safe
    checkpoints and report as one of this project.
    """
    cfg.setdefault('runner_type', 'mmseg_plugins.SafeRunner')
    checkpoint = (cfg.get('default_hooks') or {}).get('checkpoint')
    if checkpoint is not None and checkpoint.get('type') == 'CheckpointHook':
        checkpoint['type'] = 'mmseg_plugins.SafeCheckpointHook'
    return RUNNERS.build(cfg)


def show_predictions(cfg: Config, args: argparse.Namespace) -> None:
    """Make the visualization hook draw, as ``--show`` and ``--show-dir`` ask.

    mmdet writes below ``work_dir/<time>/SHOW_DIR``, mmseg here below ``work_dir/SHOW_DIR`` (by itself it takes the
    folder relative to the current one).
    """
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise UserError(
            '--show and --show-dir need default_hooks.visualization, which this config lacks.',
            fix='inherit configs/_base_/runtime/default_runtime.py, or add '
                'visualization=dict(type="DetVisualizationHook").',
        )
    hook['draw'] = True
    if args.show:
        hook['show'] = True
        hook['wait_time'] = args.wait_time
    if args.show_dir:
        if cfg.get('default_scope') == 'mmseg':
            hook['interval'] = 1  # mmseg draws every 50th image otherwise, so none of a small set
            cfg.visualizer['save_dir'] = os.path.join(cfg.get('work_dir') or '.', args.show_dir)
        else:
            hook['test_out_dir'] = args.show_dir


def dump_metric(cfg: Config, path: str) -> BaseMetric:
    """The metric that writes predictions to a pickle file, masks as RLE."""
    if cfg.get('default_scope') == 'mmseg':
        from mmengine.evaluator import DumpResults

        return DumpResults(out_file_path=path)
    from mmdet.evaluation import DumpDetResults

    return DumpDetResults(out_file_path=path)


def add_test_time_augmentation(cfg: Config) -> None:
    """Wrap the model for ``--tta``, in place; a config without ``tta_model`` or ``tta_pipeline`` gets flips.

    Raises:
        UserError: predictions of a kind that the merging model cannot merge.
    """
    semantic = cfg.get('default_scope') == 'mmseg'
    cfg.setdefault('tta_model', dict(_MEAN_TTA) if semantic else _default_tta_model())
    kind = str(cfg.tta_model.get('type')).rsplit('.', 1)[-1]
    if kind == 'DetTTAModel':
        _refuse_masks(cfg)
    if kind == 'SegTTAModel':
        cfg.tta_model['type'] = _MEAN_TTA['type']
    for dataset in leaf_datasets(cfg.test_dataloader.dataset):
        dataset['pipeline'] = cfg.get('tta_pipeline') or _flip_pipeline(dataset['pipeline'], semantic)
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)


def _default_tta_model() -> dict[str, Any]:
    return dict(type='DetTTAModel', tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))


def _refuse_masks(cfg: Config) -> None:
    """mmdet's ``DetTTAModel`` merges boxes, and asserts at the first image that there are no masks."""
    evaluators = cfg.get('test_evaluator') or []
    evaluators = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    signs = [
        *_mask_parts(cfg.model, 'model'),
        *(f'test_evaluator.metric={one["metric"]!r}' for one in evaluators if 'segm' in (one.get('metric') or ())),
        *(f'test_evaluator.type={one["type"]!r}' for one in evaluators
          if any(word in str(one.get('type')) for word in ('Mask', 'Instance', 'Panoptic')))
    ]
    if signs:
        raise UserError(
            f"--tta: this model gives masks ({', '.join(signs[:3])}), and mmdet's DetTTAModel merges boxes alone.",
            fix=(
                'leave --tta out; or write at the top level of the config both a tta_model of your own that merges '
                'masks and its tta_pipeline.'
            ),
        )


def _mask_parts(node: Any, path: str) -> Iterator[str]:
    """Places in a detector's config where masks are drawn."""
    for key, value in node.items() if isinstance(node, Mapping) else ():
        if key in _MASK_PARTS and value is not None:
            yield f'{path}.{key}'
        else:
            yield from _mask_parts(value, f'{path}.{key}')


def _flip_pipeline(pipeline: list[Any], semantic: bool) -> list[Any]:
    """The test pipeline with a flipped copy before packing; the first is the unflipped one with the labels."""
    meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction')
    pack = dict(type='PackDetInputs', meta_keys=meta_keys)
    flips = [dict(type='RandomFlip', prob=1.0), dict(type='RandomFlip', prob=0.0)]
    if semantic:
        pack = dict(pipeline[-1])
        if 'meta_keys' in pack:
            pack['meta_keys'] = tuple(dict.fromkeys([*pack['meta_keys'], 'flip', 'flip_direction']))
        flips = [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)]
    return [*deepcopy(list(pipeline[:-1])), dict(type='TestTimeAug', transforms=[flips, [pack]])]
