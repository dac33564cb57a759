"""Runner, loops, hooks and checkpoint reading: what makes a run survive."""

from mmseg_plugins.engine import hooks
from mmseg_plugins.engine.checkpoint.safe_load import (
    CorruptCheckpointError,
    UnsafeCheckpointError,
    load_checkpoint_file,
)
from mmseg_plugins.engine.optimizers import LasagneRMSprop
from mmseg_plugins.engine.runner.loops import ResumableEpochLoop, ResumableIterLoop
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils.atomic import DiskFullError

__all__ = [
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
