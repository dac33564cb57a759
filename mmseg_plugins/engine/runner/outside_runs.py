"""What a run of a config adds to its network, for those who use the network without a run.

A runner acts for a top-level ``post_process`` and for ``custom_hooks``.  Two of those hooks change what a network
predicts, or how fast: predictions, measurements and the hosts' inferencers owe them to the config as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from mmseg_plugins.engine.hooks.channels_last_hook import ChannelsLastHook
from mmseg_plugins.engine.hooks.post_process_hook import PostProcessHook
from mmseg_plugins.engine.runner.post_process import PostProcess, build_post_process
from mmseg_plugins.registry import HOOKS
from mmseg_plugins.utils.suggest import last_part


def post_process_of(cfg: Mapping[str, Any]) -> PostProcess | None:
    """Build the post-process that a test of a config has: that of a listed ``PostProcessHook``, else the top level's.

    Raises:
        UserError: it is described by something else than a dict with a ``type``.
    """
    for hook in _listed(cfg, PostProcessHook):
        return build_post_process(hook.get('post_process'))
    return build_post_process(cfg.get('post_process'))


def use_memory_formats(model: nn.Module, cfg: Mapping[str, Any]) -> None:
    """Let a network compute in the memory formats that runs of the config have (``ChannelsLastHook``).

    Raises:
        UserError: the network has no module of a name that the hook gives.
    """
    for hook in _listed(cfg, ChannelsLastHook):
        HOOKS.build(hook).attach(model)


def hook_kind(hook: Any) -> str:
    """Class name of a hook, or of what a config describes as one."""
    kind = hook.get('type') if isinstance(hook, Mapping) else type(hook)
    return kind.__name__ if isinstance(kind, type) else last_part(str(kind))


def _listed(cfg: Mapping[str, Any], kind: type) -> Iterator[Mapping[str, Any]]:
    for hook in cfg.get('custom_hooks') or ():
        if isinstance(hook, Mapping) and hook_kind(hook) == kind.__name__:
            yield hook
