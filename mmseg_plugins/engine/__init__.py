"""Runner, loops, hooks and checkpoint reading: what makes a run survive.

Importing this package registers them and leads every checkpoint that mmengine
reads in this process through the safe reader (``safe_load.py``).
"""

from mmseg_plugins.engine import hooks
from mmseg_plugins.engine.atomic import DiskFullError
from mmseg_plugins.engine.compatibility import CompatibilityError
from mmseg_plugins.engine.loaders import install as _install_safe_loaders
from mmseg_plugins.engine.loops import ResumableEpochLoop, ResumableIterLoop
from mmseg_plugins.engine.optimizers import LasagneRMSprop
from mmseg_plugins.engine.runner import SafeRunner
from mmseg_plugins.engine.safe_load import CorruptCheckpointError, UnsafeCheckpointError, load_checkpoint_file

__all__ = [
    'CompatibilityError',
    'CorruptCheckpointError',
    'DiskFullError',
    'LasagneRMSprop',
    'ResumableEpochLoop',
    'ResumableIterLoop',
    'SafeRunner',
    'UnsafeCheckpointError',
    'hooks',
    'load_checkpoint_file',
]

_install_safe_loaders()
