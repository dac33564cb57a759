"""Settings of a training that cannot work together, told from the config before anything is built or read.

Each of them would fail late, or would train on for days without what the user asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.hooks import CheckpointHook, EarlyStoppingHook, EMAHook
from mmengine.logging import print_log
from mmengine.registry import MODELS, TRANSFORMS
from mmengine.runner import Runner

from mmseg_plugins.config.walk import first_of, leaf_datasets
from mmseg_plugins.data_check.config_scan import takes_unlabeled
from mmseg_plugins.engine.checks.metric_names import reported_metrics
from mmseg_plugins.engine.checks.training_numbers import check_numbers
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean, last_part

#: Samplers that never end an epoch.
ENDLESS = ('InfiniteSampler', 'MultiSourceSampler', 'GroupMultiSourceSampler')
#: Transforms of mmdet that move pixels and boxes; some versions of it leave the masks where they were.
MOVING = ('Mosaic', 'MixUp', 'RandomAffine', 'RandomShift', 'RandomCenterCropPad')


def check_config_of_training(cfg: Mapping[str, Any], hooks: Iterable[Any] = ()) -> None:
    """Refuse settings that contradict each other.

    Args:
        cfg: The whole config.
        hooks: Of the runner, built.

    Raises:
        UserError: one of them, with its value, the rule and the fix.
    """
    check_numbers(cfg)
    _check_length(cfg)
    _check_sampler(cfg)
    _check_schedules(cfg)
    _check_mixed_precision(cfg)
    _check_masks(cfg)
    _check_anchor_sampler(cfg)
    _check_unlabeled(cfg)
    _check_metrics(cfg, list(hooks))
    _check_averages(cfg, list(hooks))
    _check_checkpoint_options(list(hooks))
    _warn_of_what_comes_too_late(cfg, list(hooks))
    if not cfg.get('dry_run'):
        _warn_of_schedules_beyond_the_end(cfg)


def trains_by_epoch(loop: Any) -> bool | None:
    """Of a train loop's config; None for a loop of another kind."""
    if not isinstance(loop, Mapping):
        return None
    name = last_part(loop['type'] if isinstance(loop.get('type'), str) else getattr(loop.get('type'), '__name__', ''))
    if 'type' not in loop and 'by_epoch' in loop:
        return bool(loop['by_epoch'])
    return {'EpochBasedTrainLoop': True, 'ResumableEpochLoop': True,
            'IterBasedTrainLoop': False, 'ResumableIterLoop': False}.get(name)


def refuse_endless(sampler: str) -> None:
    """The error for a sampler without an end in a loop of epochs."""
    raise UserError(
        f'train_dataloader.sampler {sampler} never ends, but train_cfg counts epochs (EpochBasedTrainLoop): the first '
        'epoch would last for ever, without a validation or a checkpoint.',
        fix="train_dataloader.sampler=dict(type='DefaultSampler', shuffle=True), or train_cfg=dict(type="
            "'IterBasedTrainLoop', max_iters=..., val_interval=...).",
    )


def _check_length(cfg: Mapping[str, Any]) -> None:
    by_epoch = trains_by_epoch(cfg.get('train_cfg'))
    name = 'max_epochs' if by_epoch else 'max_iters'
    if by_epoch is not None and cfg['train_cfg'].get(name) is None:
        raise UserError(f'train_cfg has no {name}.', rule=f'a loop of {name[4:]} has a length.',
                        fix=f'--cfg-options train_cfg.{name}=N.')


def _check_sampler(cfg: Mapping[str, Any]) -> None:
    loader = cfg.get('train_dataloader')
    for key in ('sampler', 'batch_sampler') if isinstance(loader, Mapping) else ():
        described = loader.get(key)  # type: ignore[union-attr]
        kind = described.get('type') if isinstance(described, Mapping) else None
        name = last_part(kind if isinstance(kind, str) else getattr(kind, '__name__', ''))
        if name in ENDLESS and trains_by_epoch(cfg.get('train_cfg')):
            refuse_endless(name)


def _check_schedules(cfg: Mapping[str, Any]) -> None:
    """mmengine counts a schedule in epochs unless it is told otherwise; a loop of iterations is one epoch."""
    for path, one in _schedulers(cfg.get('param_scheduler'), 'param_scheduler'):
        kind = last_part(str(one.get('type')))
        begin, end = one.get('begin', 0), one.get('end')
        if isinstance(begin, int) and isinstance(end, int) and begin >= end:
            raise UserError(
                f'{path} ({kind}) begins at {begin} and ends at {end}.',
                rule='begin is before end.',
                fix=f'leave {path} out, or another begin; end is mostly the length of the run.',
            )
        if counts_epochs(one) and trains_by_epoch(cfg.get('train_cfg')) is False:
            raise UserError(
                f'{path} ({kind}) counts epochs (by_epoch={one.get("by_epoch", "True, the default")}), but train_cfg '
                'counts iterations: it would never step.',
                fix=f'by_epoch=False in {path}, with begin, end and milestones in iterations.',
            )


def _warn_of_schedules_beyond_the_end(cfg: Mapping[str, Any]) -> None:
    """Schedules that are cut off by the end of the run, or never act: often left over from a longer run."""
    by_epoch = trains_by_epoch(cfg.get('train_cfg'))
    last = (cfg.get('train_cfg') or {}).get('max_epochs' if by_epoch else 'max_iters')
    for path, one in _schedulers(cfg.get('param_scheduler'), 'param_scheduler'):
        if not isinstance(last, int) or counts_epochs(one) != by_epoch:
            continue
        begin, end, steps = one.get('begin', 0), one.get('end'), one.get('milestones')
        said = ''
        if isinstance(begin, int) and begin >= last > 0:
            said = f'begins at {begin}: it never acts'
        elif isinstance(end, int) and end > last:
            said = f'ends at {end}: it stops on its way'
        elif steps and all(isinstance(step, int) and step >= last for step in steps):
            said = f'has the milestones {list(steps)}: it never steps'
        if said:
            print_log(f'{path} ({last_part(str(one.get("type")))}) {said}, since the run ends at {last}. Fix: give it '
                      'the length of the run.', 'current', 30)


def counts_epochs(scheduler: Mapping[str, Any]) -> bool:
    """Whether a scheduler's config steps at the end of epochs; ``ReduceOnPlateau`` steps after validations."""
    by_epoch = scheduler.get('by_epoch', True) and not scheduler.get('convert_to_iter_based')
    return bool(by_epoch) and 'ReduceOnPlateau' not in str(scheduler.get('type'))


def _schedulers(described: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(described, Mapping):
        if 'type' in described:
            yield path, described
        else:  # of several optimizers
            for name, one in described.items():
                yield from _schedulers(one, f'{path}.{name}')
    elif isinstance(described, (list, tuple)):
        for index, one in enumerate(described):
            yield from _schedulers(one, f'{path}[{index}]')


def _check_mixed_precision(cfg: Mapping[str, Any]) -> None:
    wrapper = cfg.get('optim_wrapper')
    if not isinstance(wrapper, Mapping):
        return
    kinds = [one.get('type') for one in (wrapper, *wrapper.values()) if isinstance(one, Mapping)]
    if 'AmpOptimWrapper' not in {last_part(str(kind)) for kind in kinds}:
        return
    if get_device() in ('cpu', 'mps'):
        raise UserError(
            f'optim_wrapper.type=AmpOptimWrapper on {get_device()}.',
            rule='mmengine has mixed precision on accelerators alone (cuda, npu, mlu, musa).',
            fix="optim_wrapper.type='mmseg_plugins.AutocastOptimWrapper' (bfloat16 on a CPU, too), or 'OptimWrapper'.",
        )
    if last_part(str(wrapper.get('dtype'))) == 'bfloat16' and torch.cuda.is_available() \
            and not torch.cuda.is_bf16_supported():
        raise UserError(f'optim_wrapper.dtype=bfloat16: {torch.cuda.get_device_name()} has no bfloat16.',
                        fix="optim_wrapper.dtype='float16'.")


def _check_masks(cfg: Mapping[str, Any]) -> None:
    loader = cfg.get('train_dataloader')
    if cfg.get('default_scope') != 'mmdet' or not isinstance(loader, Mapping):
        return
    if not first_of([loader.get('dataset')], 'with_mask'):
        return
    for path, transform in _transforms(loader.get('dataset'), 'train_dataloader.dataset'):
        kind = transform.get('type')
        name = last_part(kind if isinstance(kind, str) else getattr(kind, '__name__', ''))
        if name not in MOVING or _carries_masks(kind):
            continue
        other = {'Mosaic': 'CachedMosaic', 'MixUp': 'CachedMixUp'}.get(name)
        raise UserError(
            f'{path} ({name}) moves the image and its boxes, but not its masks, which LoadAnnotations(with_mask=True) '
            'loads: they would belong to other pixels.',
            fix=(f'{other}, which carries masks (inside the plain pipeline, without MultiImageMixDataset), or leave '
                 'it out.' if other else 'leave it out.'),
        )


def _check_anchor_sampler(cfg: Mapping[str, Any]) -> None:
    """mmdet's RPN has no place for ground truth among its anchors: a step ends with an index error by chance."""
    settings: Any = cfg.get('model')
    for key in ('train_cfg', 'rpn', 'sampler'):
        settings = settings.get(key) if isinstance(settings, Mapping) else None
    if isinstance(settings, Mapping) and settings.get('add_gt_as_proposals'):
        raise UserError(f'model.train_cfg.rpn.sampler.add_gt_as_proposals={settings["add_gt_as_proposals"]!r}.',
                        rule='an RPN samples its anchors alone.', fix='add_gt_as_proposals=False there.')


def _check_unlabeled(cfg: Mapping[str, Any]) -> None:
    """Unlabeled images go with models that learn from them, and such models with unlabeled images."""
    dataset, model = (cfg.get('train_dataloader') or {}).get('dataset'), cfg.get('model')
    if not isinstance(dataset, Mapping) or not isinstance(model, Mapping):
        return
    given = takes_unlabeled('train', cfg) and any(
        not (leaf.get('data_prefix') or {}).get('seg_map_path') for leaf in leaf_datasets(dataset))
    kind = model.get('type')
    with MODELS.switch_scope_and_registry(cfg.get('default_scope') or 'mmengine') as registry:
        cls = kind if isinstance(kind, type) else registry.get(str(kind))
    learns = bool(getattr(cls, 'takes_unlabeled', False))
    if given and not learns:
        raise UserError(f'model.type={kind} learns from labeled images alone, and train_dataloader has unlabeled ones.',
                        fix='mmseg_plugins.MeanTeacher, AdvSemiSeg or GANSemiSeg, or leave the unlabeled images out.')
    if learns and not given:
        raise UserError(f'model.type={kind} learns from labeled and from unlabeled images, and train_dataloader has '
                        'labeled ones alone.',
                        fix='a data set of type mmseg_plugins.LabelShare, as in configs/semi_supervised.')


def _carries_masks(kind: Any) -> bool:
    """Whether the installed mmdet's transform speaks of masks, other than to refuse them."""
    with TRANSFORMS.switch_scope_and_registry('mmdet') as registry:
        cls = kind if isinstance(kind, type) else registry.get(kind)
    if cls is None:
        return True  # building it says that there is no such transform
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        return True
    return 'gt_masks' in source and cls.__name__ != 'RandomCenterCropPad'


def _transforms(node: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The transforms of all pipelines below a data set's config, nested ones too."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _transforms(value, f'{path}.{key}')
    elif isinstance(node, (list, tuple)):
        for index, item in enumerate(node):
            if isinstance(item, Mapping) and 'type' in item and path.rsplit('.', 1)[-1].split('[')[0] in (
                    'pipeline', 'transforms', 'train_pipeline'):
                yield f'{path}[{index}]', item
            yield from _transforms(item, f'{path}[{index}]')


def _check_metrics(cfg: Mapping[str, Any], hooks: list[Any]) -> None:
    wanted: list[tuple[str, str]] = []
    for hook in hooks:
        if isinstance(hook, CheckpointHook) and hook.save_best:
            wanted += [('save_best of the checkpoint hook', name) for name in hook.save_best if name != 'auto']
        if isinstance(hook, EarlyStoppingHook):
            wanted.append(('monitor of EarlyStoppingHook', hook.monitor))
    wanted += [(f'{path}.monitor', one.get('monitor', 'loss'))
               for path, one in _schedulers(cfg.get('param_scheduler'), 'param_scheduler')
               if 'ReduceOnPlateau' in str(one.get('type'))]
    if not wanted:
        return
    if cfg.get('val_evaluator') is None:
        print_log(f'{wanted[0][0]} has no effect: the config has no validation', 'current', 30)
        return
    known = reported_metrics(cfg['val_evaluator'])
    for owner, name in wanted if known is not None else ():
        refuse_unknown_metric(owner, name, known or ())


def refuse_unknown_metric(owner: str, name: str, known: Iterable[str]) -> None:
    """Raise ``UserError`` unless ``name`` is one of the ``known`` numbers."""
    names = list(known)
    if name in names:
        return
    raise UserError(
        f'{owner} names {name!r}, which this validation does not report{did_you_mean(name, names)}.',
        rule=f'one of {", ".join(names)}.' if names else 'the validation reports nothing.',
        fix='name one of these, or add its metric to val_evaluator.',
    )


def _check_averages(cfg: Mapping[str, Any], hooks: list[Any]) -> None:
    loop = cfg.get('train_cfg') or {}
    for hook in hooks:
        if not isinstance(hook, EMAHook):
            continue
        for name, begin, last in (('begin_epoch', hook.begin_epoch, loop.get('max_epochs')),
                                  ('begin_iter', hook.begin_iter, loop.get('max_iters'))):
            if isinstance(last, int) and begin > last:
                raise UserError(f'EMAHook: {name}={begin} is after the end of the run, {last}.',
                                fix=f'{name}=0, or leave EMAHook out of custom_hooks.')


def _check_checkpoint_options(hooks: list[Any]) -> None:
    """mmengine keeps options that it does not know until the first checkpoint is written."""
    taken = (CheckpointHook.__init__, Runner.save_checkpoint)
    known = {name for one in taken for name in inspect.signature(one).parameters} - {'self', 'kwargs'}
    for hook in hooks:
        for name in hook.args if isinstance(hook, CheckpointHook) else ():
            if name not in known:
                raise UserError(f'default_hooks.checkpoint has {name}={hook.args[name]!r}{did_you_mean(name, known)}.',
                                rule=f'of {", ".join(sorted(known))}.', fix='correct the name, or leave it out.')


def _warn_of_what_comes_too_late(cfg: Mapping[str, Any], hooks: list[Any]) -> None:
    """Checkpoints counted in epochs, in a loop of iterations, come at its end alone; validation may never begin."""
    loop = cfg.get('train_cfg') or {}
    last, begin = loop.get('max_epochs', loop.get('max_iters')), loop.get('val_begin', 1)
    if cfg.get('val_evaluator') is not None and isinstance(last, int) and last < begin:
        print_log(f'There is no validation: train_cfg.val_begin={begin} is after the end of the run, {last}.',
                  'current', 30)
    counts = (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1)
    for hook in hooks:
        if isinstance(hook, CheckpointHook) and not hook.by_epoch and hook.interval > 0 and hook.interval % counts:
            print_log(
                f'default_hooks.checkpoint.interval={hook.interval} is no multiple of optim_wrapper.'
                f'accumulative_counts={counts}: a run that is resumed loses the gradients added up so far. Fix: a '
                'multiple.', 'current', 30)
    by_epoch = [hook for hook in hooks if isinstance(hook, CheckpointHook) and hook.by_epoch]
    if by_epoch and trains_by_epoch(cfg.get('train_cfg')) is False:
        print_log(
            'default_hooks.checkpoint counts epochs (by_epoch=True), but train_cfg counts iterations: the only '
            'checkpoint comes at the end, and a killed run begins anew. Fix: default_hooks.checkpoint.by_epoch=False '
            'and its interval in iterations.', 'current', 30)
