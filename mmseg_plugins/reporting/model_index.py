"""``model-index.yml`` by OpenMMLab's rule: one ``Import`` line for each metafile, relative to the project's root.

mmengine's hub reads it below ``.mim`` of the installed package (``get_config('mmseg_plugins::panet/...')``).
"""

from __future__ import annotations

from pathlib import Path

HEAD = "# Every metafile, by OpenMMLab's rule.  Generated: mmseg-plugins results index\n"


def model_index(configs: Path) -> str:
    """Text of ``model-index.yml`` for a folder ``configs`` with metafiles in it."""
    metafiles = sorted(path.relative_to(configs.parent).as_posix() for path in configs.rglob('metafile.yml'))
    return HEAD + 'Import:\n' + ''.join(f'  - {name}\n' for name in metafiles)
