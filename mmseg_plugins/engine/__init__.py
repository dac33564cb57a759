"""Runner, loops, hooks and checkpoint reading: what makes a run survive."""

from mmseg_plugins.engine import hooks  # noqa: F401
