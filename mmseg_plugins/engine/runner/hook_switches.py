"""Top-level lines of a config that stand for hooks: ``data_check``, ``post_process`` and others."""

from __future__ import annotations

from typing import Any

from mmseg_plugins.engine.runner.outside_runs import hook_kind
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import last_part

# Top-level switches of a config and their hooks: True, False or a dict of options.
SWITCHES = {
    'data_check': 'mmseg_plugins.DataCheckHook',
    'finite_loss': 'mmseg_plugins.FiniteLossHook',
    'padding_check': 'mmseg_plugins.PaddingCheckHook',
    'run_report': 'mmseg_plugins.RunReportHook',
    'progress': 'mmseg_plugins.ProgressHook',
}
POST_PROCESS = 'mmseg_plugins.PostProcessHook'


def add_switch_hooks(cfg: Any) -> None:
    """Append the hooks that the switches ask for to ``cfg['custom_hooks']``, in place.

    Raises:
        TypeError: a switch that is neither a bool nor a dict of options.
    """
    hooks = list(cfg.get('custom_hooks') or [])
    listed = [*hooks, *(cfg.get('default_hooks') or {}).values()]
    present = {hook_kind(hook) for hook in listed if hook is not None}
    for switch, name in SWITCHES.items():
        value = cfg.get(switch, True)
        if not isinstance(value, (bool, dict)):
            raise UserError(f'{switch}={value!r}: give True, False or a dict of options of {name}.')
        if value is not False and last_part(name) not in present:
            hooks.append(dict(type=name, **(value if isinstance(value, dict) else {})))
    cfg['custom_hooks'] = hooks


def register_post_process(runner: Any) -> None:
    """Register the hook that acts for a top-level ``post_process = dict(type=...)``, unless it is listed already."""
    described = runner.cfg.get('post_process')
    if described and last_part(POST_PROCESS) not in map(hook_kind, runner.hooks):
        runner.register_hook(dict(type=POST_PROCESS, post_process=described))
