"""Training in stages: each starts from the result of the one before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.hooks import Hook

from mmseg_plugins.registry import HOOKS


class PreviousStageError(FileNotFoundError):
    """The checkpoint of the stage before is not there; the message says which command makes it."""

    explains_itself = True


@HOOKS.register_module()
class PreviousStageHook(Hook):
    """Stops a training at once, with the command to run first, where ``load_from`` names a file that is not there.

    The weights themselves are loaded by ``load_from``, as always: what both stages name alike is taken over, the rest
    is listed in the log.  Nothing is asked of a test, of a run that resumes, or of a ``load_from`` with an address.

    Args:
        config: Config of the stage before.

    Raises:
        PreviousStageError: before any data is read.
    """

    priority = 'VERY_HIGH'  # before the data check

    def __init__(self, config: str) -> None:
        self.config = config

    def before_build(self, runner: Any, stage: str) -> None:
        """Called by ``SafeRunner`` before it builds anything."""
        source = runner.cfg.get('load_from')
        resumes = runner.cfg.get('resume') and (Path(runner.work_dir) / 'last_checkpoint').is_file()
        if stage != 'train' or resumes:
            return
        if not source:
            raise PreviousStageError(f'{runner.cfg.filename} continues from {self.config}, but load_from is empty. '
                                     f'Remedy: {self._remedy()}')
        if '://' not in source and not Path(source).is_file():
            raise PreviousStageError(f'load_from={source!r} is not there: {runner.cfg.filename} continues from the '
                                     f'result of {self.config}. Remedy: {self._remedy()}')

    def _remedy(self) -> str:
        return (f'first run `python tools/train.py {self.config}`, or name its checkpoint by '
                '`--cfg-options load_from=FILE`; to train without it: `--cfg-options custom_hooks=[] load_from=None`')
