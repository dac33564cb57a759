"""Training in stages: is the file of the stage before there, and does it fit but for what this stage changes?"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner.base_loop import BaseLoop

from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.registry import HOOKS
from mmseg_plugins.utils.errors import UserError


@HOOKS.register_module()
class LoadFromCheckHook(Hook):
    """Compare ``load_from`` with the model before training, key for key.

    mmengine loads what fits and warns about the rest, so that a file of another network leaves a stage to train from
    random weights.  Here the parameters that may differ are listed.  Nothing is done when a run resumes, in validation
    and in tests, and for files that are not on this machine (addresses).

    Args:
        made_by: Command that trains the stage before, for the message.
        new: Regular expressions of parameters that this stage adds; each must match a whole name.
        dropped: Of parameters that this stage no longer has.
        renamed: Beginnings of names in the file, and what this stage's model makes of them when it loads
            (``{'decode_head.': 'decode_head.head.'}``); names that the model has already stay as they are.

    Raises:
        UserError: at the start of training: no ``load_from``, no such file, or other differences.
    """

    priority = 'VERY_HIGH'

    def __init__(self, *, made_by: str, new: Sequence[str] = (), dropped: Sequence[str] = (),
                 renamed: Mapping[str, str] | None = None) -> None:
        self.made_by = made_by
        self.new = list(new)
        self.dropped = list(dropped)
        self.renamed = dict(renamed or {})

    def before_run(self, runner: Any) -> None:
        """Check; called when the loops are built and nothing is loaded yet."""
        if not isinstance(runner._train_loop, BaseLoop) or runner._resume:
            return
        path = runner._load_from
        if path and '://' in str(path):
            return
        if not path or not os.path.isfile(os.path.expanduser(path)):
            raise UserError(
                f'load_from={path!r}: this stage begins with the weights of the stage before, and there is no such '
                'file.',
                fix=f'run that stage first\n  {self.made_by}\nor name its result: --cfg-options load_from=FILE',
            )
        checkpoint = load_checkpoint_file(os.path.expanduser(path), mmap=True)
        weights = checkpoint.get('state_dict', checkpoint)
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        wanted = model.state_dict()
        found = {self._name_here(re.sub(r'^module\.', '', key), wanted): value for key, value in weights.items()}
        problems = self._compare(found, wanted)
        if problems:
            raise UserError(
                f'load_from={path!r} is not the result of the stage before:\n  ' + '\n  '.join(problems) + '\n',
                fix=f'name a checkpoint that this command made\n  {self.made_by}',
            )

    def _name_here(self, key: str, wanted: Mapping[str, Any]) -> str:
        """A name of the file as the model will read it."""
        if key not in wanted:
            for before, after in self.renamed.items():
                if key.startswith(before) and not key.startswith(after):
                    return after + key[len(before):]
        return key

    def _compare(self, weights: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
        """One line for each parameter that may not differ."""
        missing = [f'{key} is missing' for key in wanted if key not in weights and not _matches(key, self.new)]
        extra = [f'{key} is not in this model' for key in weights
                 if key not in wanted and not _matches(key, self.dropped)]
        shapes = [f'{key} has shape {tuple(weights[key].shape)}, the model {tuple(wanted[key].shape)}'
                  for key in wanted if key in weights and weights[key].shape != wanted[key].shape]
        return missing + extra + shapes


def _matches(key: str, patterns: Sequence[str]) -> bool:
    return any(re.fullmatch(pattern, key) for pattern in patterns)
