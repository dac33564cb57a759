"""Numbers of a training's config that are none, or out of range: the hosts stop at them with a bare assertion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.hooks import CheckpointHook, EarlyStoppingHook

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import last_part

#: Whole numbers and the least that each may be, by their place.
_WHOLE = {
    'train_cfg': (('max_iters', 0), ('max_epochs', 0), ('val_interval', 1), ('val_begin', 0)),
    'train_dataloader': (('batch_size', 1), ('num_workers', 0)),
    'val_dataloader': (('batch_size', 1), ('num_workers', 0)),
}
_RATES = ('lr', 'weight_decay', 'momentum')


def check_numbers(cfg: Mapping[str, Any]) -> None:
    """Refuse lengths, batch sizes and rates of a training that are no numbers or out of range.

    Raises:
        UserError: naming one.
    """
    for section, names in _WHOLE.items():
        values = cfg.get(section)
        for name, least in names if isinstance(values, Mapping) else ():
            value = values.get(name)  # type: ignore[union-attr]
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
                raise UserError(f'{section}.{name}={value!r}.', rule=f'a whole number, at least {least}.',
                                fix=f'--cfg-options {section}.{name}=N.')
    for path, optimizer in _optimizers(cfg.get('optim_wrapper'), 'optim_wrapper'):
        for name in _RATES:
            value = optimizer.get(name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (number and math.isfinite(value) and value >= 0):
                hint = ' (YAML reads 1e-3 as text: write 1.0e-3)' if isinstance(value, str) else ''
                raise UserError(f'{path}.{name}={value!r}.', rule='a number, at least 0.', fix=f'0.001, say{hint}.')


def _optimizers(described: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, value in described.items() if isinstance(described, Mapping) else ():
        if key == 'optimizer' and isinstance(value, Mapping):
            yield f'{path}.{key}', value
        elif isinstance(value, Mapping):
            yield from _optimizers(value, f'{path}.{key}')


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
