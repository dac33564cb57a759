"""The registry in whose names a config is read: mmdet's or mmseg's."""

from __future__ import annotations

from itertools import count

from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmseg_plugins.config.shape import check_scope

#: mmengine keeps every scope under a name of its own; the last one counts.
_NUMBERS = count()


def enter_scope_of(cfg: Config) -> None:
    """Make the config's ``default_scope`` (``mmdet`` where it has none) that of the process.

    Raises:
        UserError: it is no text.
    """
    check_scope(cfg)
    enter_scope(cfg.get('default_scope') or 'mmdet')


def enter_scope(name: str) -> None:
    """Look up types without a prefix in the registries of ``name`` from now on.

    mmengine's ``init_default_scope`` warns about each change, on standard output: in the middle of a command's table.
    A process that works on models of both hosts changes on purpose.
    """
    current = DefaultScope.get_current_instance()
    if current is None or current.scope_name != name:
        DefaultScope.get_instance(f'{name} {next(_NUMBERS)}', scope_name=name)
