"""Former paths of the public configs, which stand in published commands and in checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

from mmseg_plugins.utils.deprecation import warn_renamed
from mmseg_plugins.utils.yaml_text import read_yaml

TABLE = 'renamed.yml'


def current_path(path: str) -> str:
    """Today's path of a config that is no longer where ``path`` says; any other path as it is.

    ``configs/renamed.yml`` next to the missing file lists former paths, each beginning with ``configs/``.  A warning
    gives today's.
    """
    if '::' in path or os.path.exists(path):
        return path
    for folder in Path(path).parents:
        table = folder / TABLE
        if folder.name == 'configs' and table.is_file():
            former = Path('configs', Path(path).relative_to(folder)).as_posix()
            today = read_yaml(table.read_text()).get(former)
            if today is not None:
                warn_renamed(path, today)
                return str(folder.parent / today)
    return path
