"""Numbers of a training's config that are none, or out of range: the hosts stop at them with a bare assertion."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mmengine.hooks import CheckpointHook, EarlyStoppingHook
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from mmseg_plugins.config.shape import check_loaders, check_model_section, check_scope
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import last_part

#: Whole numbers and the least that each may be, by their place.
_WHOLE = {
    'train_cfg': (('max_iters', 0), ('max_epochs', 0), ('val_interval', 1), ('val_begin', 0)),
    'train_dataloader': (('batch_size', 1), ('num_workers', 0)),
    'val_dataloader': (('batch_size', 1), ('num_workers', 0)),
    'test_dataloader': (('batch_size', 1), ('num_workers', 0)),
}
#: Where None means that nothing is given: another check asks for a length, and a batch sampler has its own size.
_MAY_BE_NONE = ('max_iters', 'max_epochs', 'batch_size')
#: What mmengine takes all together, or not at all.
_TOGETHER = (('train_dataloader', 'train_cfg', 'optim_wrapper'), ('val_dataloader', 'val_cfg', 'val_evaluator'))
_RATES = ('lr', 'weight_decay', 'momentum')


def check_numbers(cfg: Mapping[str, Any]) -> None:
    """Refuse lengths, batch sizes and rates of a training that are no numbers or out of range.

    Raises:
        UserError: naming one.
    """
    _check_whole(cfg, list(_WHOLE))
    wrapper = cfg.get('optim_wrapper')
    for path, one in (('optim_wrapper', wrapper), *((f'optim_wrapper.{key}', value) for key, value in (
            wrapper.items() if isinstance(wrapper, Mapping) else ()))):
        if not isinstance(one, Mapping) or 'optimizer' not in one:
            continue
        counts = one.get('accumulative_counts', 1)
        if type(counts) is not int or counts < 1:
            raise UserError(f'{path}.accumulative_counts={counts!r}.', rule='a whole number, at least 1.',
                            fix=f'--cfg-options {path}.accumulative_counts=1.')
        _check_clipping(f'{path}.clip_grad', one.get('clip_grad'))
    for path, optimizer in _optimizers(cfg.get('optim_wrapper'), 'optim_wrapper'):
        for name in _RATES:
            value = optimizer.get(name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (number and math.isfinite(value) and value >= 0):
                hint = ' (YAML reads 1e-3 as text: write 1.0e-3)' if isinstance(value, str) else ''
                raise UserError(f'{path}.{name}={value!r}.', rule='a number, at least 0.', fix=f'0.001, say{hint}.')


def _check_whole(cfg: Mapping[str, Any], sections: Iterable[str]) -> None:
    for section in sections:
        values = cfg.get(section)
        for name, least in _WHOLE[section] if isinstance(values, Mapping) else ():
            value = values.get(name, least)  # type: ignore[union-attr]
            if value is None and name in _MAY_BE_NONE:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UserError(f'{section}.{name}={value!r}.', rule=f'a whole number, at least {least}.',
                                fix=f'--cfg-options {section}.{name}=N.')


def _optimizers(described: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, value in described.items() if isinstance(described, Mapping) else ():
        if key == 'optimizer' and isinstance(value, Mapping):
            yield f'{path}.{key}', value
        elif isinstance(value, Mapping):
            yield from _optimizers(value, f'{path}.{key}')


def check_parts(cfg: Mapping[str, Any]) -> None:
    """Refuse a config with some of the three parts of training or validation, before anything is built.

    Raises:
        UserError: naming what is absent, or a number of a loader that is none.
    """
    check_scope(cfg)
    check_model_section(cfg)
    check_loaders(cfg)
    _check_whole(cfg, ('val_dataloader', 'test_dataloader'))
    for names in _TOGETHER:
        absent = [name for name in names if cfg.get(name) is None]
        if 0 < len(absent) < len(names):
            there = ', '.join(name for name in names if name not in absent)
            raise UserError(f'the config has no {" and no ".join(absent)}, but {there}.',
                            rule=f'{", ".join(names)} belong together.', fix='write them all, or set them all to None.')
    work_dir = cfg.get('work_dir')
    if isinstance(work_dir, (str, os.PathLike)) and os.path.lexists(work_dir) and not os.path.isdir(work_dir):
        raise UserError(f'work_dir={os.fspath(work_dir)!r} is a file.', rule='a run writes into a folder.',
                        fix='--work-dir DIR.')
    seed = (cfg.get('randomness') or {}).get('seed')
    if seed is not None and (type(seed) is not int or not 0 <= seed < 2**32):
        raise UserError(f'randomness.seed={seed!r}.', rule='a whole number, 0..2^32 - 1, or None.',
                        fix='--cfg-options randomness.seed=0.')


def _check_clipping(path: str, clipping: Any) -> None:
    """Options of ``clip_grad`` against the function of torch that gets them in the first step."""
    if clipping is None:
        return
    functions: dict[Any, Callable[..., Any]] = {'norm': clip_grad_norm_, 'value': clip_grad_value_}
    kind = clipping.get('type', 'norm') if isinstance(clipping, Mapping) else None
    if kind not in functions:
        raise UserError(f'{path}={clipping!r}.', rule="a dict whose type is 'norm' or 'value'.",
                        fix='dict(max_norm=35), say.')
    known = list(inspect.signature(functions[kind]).parameters)[1:]
    wrong = [name for name in clipping if name not in (*known, 'type')]
    if wrong or clipping.get(known[0]) is None:
        raise UserError(f'{path}={dict(clipping)!r}.', rule=f'it has {known[0]}, and of the others only '
                        f'{", ".join(known[1:])}.', fix=f'dict({known[0]}=35), say.')


def check_rules(cfg: Mapping[str, Any]) -> None:
    """Refuse scores of which nothing says whether more or less is better, before the hooks are built.

    Raises:
        UserError: naming the score.
    """
    checkpoint = (cfg.get('default_hooks') or {}).get('checkpoint')
    if isinstance(checkpoint, Mapping) and checkpoint.get('save_best') and not checkpoint.get('rule'):
        wanted = checkpoint['save_best']
        known = [*_keys(checkpoint, 'greater_keys', CheckpointHook._default_greater_keys),
                 *_keys(checkpoint, 'less_keys', CheckpointHook._default_less_keys)]
        for name in [wanted] if isinstance(wanted, str) else wanted:
            _refuse_unknown_rule('default_hooks.checkpoint.save_best', name, [*known, 'auto'],
                                 'default_hooks.checkpoint.rule')
    for index, hook in enumerate(cfg.get('custom_hooks') or ()):
        if isinstance(hook, Mapping) and last_part(str(hook.get('type'))) == 'EarlyStoppingHook' \
                and hook.get('monitor') and not hook.get('rule'):
            known = [*EarlyStoppingHook._default_greater_keys, *EarlyStoppingHook._default_less_keys]
            _refuse_unknown_rule(f'custom_hooks[{index}].monitor', hook['monitor'], known,
                                 f'rule of custom_hooks[{index}]')


def _keys(checkpoint: Mapping[str, Any], name: str, default: list[str]) -> list[str]:
    value = checkpoint.get(name)
    return default if value is None else [value] if isinstance(value, str) else list(value)


def _refuse_unknown_rule(path: str, name: str, known: list[str], setting: str) -> None:
    if not any(key.lower() in name.lower() for key in known):
        raise UserError(f'{path}={name!r}: it does not say whether more or less of it is better.',
                        fix=f"{setting}='greater' or 'less'.")
