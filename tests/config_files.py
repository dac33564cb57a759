"""The public configs, as the contract tests see them."""

import re
from functools import cache
from pathlib import Path

from mmseg_plugins.config.load import load_config

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(path for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.relative_to(ROOT).parts)
NAMES = [path.relative_to(ROOT).as_posix() for path in CONFIGS]


@cache
def loaded(name):
    """A config as the tools see it, without any data folder in place."""
    return load_config(ROOT / name, {'data_root': 'no/such/folder/'})


def plugin_types(node):
    """Every ``mmseg_plugins.X`` named anywhere in a config, as a set of X."""
    if isinstance(node, dict):
        found = set().union(*(plugin_types(value) for value in node.values())) if node else set()
        return found | plugin_types(node.get('type'))
    if isinstance(node, (list, tuple)):
        return set().union(*(plugin_types(value) for value in node)) if node else set()
    if isinstance(node, str) and re.fullmatch(r'mmseg_plugins\.[A-Z]\w*', node):  # a module begins with a small letter
        return {node.removeprefix('mmseg_plugins.')}
    return set()
