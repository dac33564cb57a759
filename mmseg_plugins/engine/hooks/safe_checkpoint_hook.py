"""Checkpoints in an order in which a kill at any instant leaves one to resume from.

    1. the new checkpoint: written aside, flushed, renamed      (SafeRunner.save_checkpoint)
    2. ``last_checkpoint``, the pointer to it, in the same way
    3. only then is the oldest deleted, or the best one that a better one replaces

After a validation the checkpoint of its iteration is written again, when all hooks have seen the outcome: the best
score, what early stopping counted, and whether the run is over.

What still waits for its deletion is listed in the checkpoint, so a run that was
killed between 2 and 3 deletes it when it resumes.
"""

from __future__ import annotations

import os
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook

from mmseg_plugins.engine.checkpoint.files import POINTER, VALIDATED, write_pointer_text
from mmseg_plugins.engine.checkpoint.hook_states import STOPPED, stopping_settings
from mmseg_plugins.engine.checks.metric_names import reported_metrics
from mmseg_plugins.engine.checks.training_config import refuse_unknown_metric
from mmseg_plugins.engine.protocols import KeepsGenerators
from mmseg_plugins.registry import HOOKS
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError

_OBSOLETE = 'obsolete_ckpts'


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook``, the same arguments, for ``SafeRunner``.

    Work dirs may be moved or copied: the best checkpoint's path is looked up
    again where the run now is, and files of the old place are never deleted.
    """

    file_backend: Any
    _saving_best = False
    _best_is_new = False
    _outdated_best: tuple[str, ...] = ()  # to be deleted when the checkpoint knows the new best one
    _written: tuple[int, int] | None = None  # step and iteration of the checkpoint written last

    def before_train(self, runner: Any) -> None:
        """Find the files of a resumed run again and finish deletions that a kill cut off."""
        fits = isinstance(runner, KeepsGenerators)  # a name, so that the runner keeps its other attributes for mypy
        if not fits:
            raise UserError(
                f'SafeCheckpointHook needs mmseg_plugins.SafeRunner, but the runner is a {type(runner).__name__}.',
                fix="runner_type = 'mmseg_plugins.SafeRunner' in the config.",
            )
        hub = runner.message_hub
        resumed = runner.iter > 0
        out_dir = self.out_dir or runner.work_dir
        if str(out_dir) != runner.work_dir:  # as CheckpointHook.before_train is about to compute it
            out_dir = os.path.join(str(out_dir), os.path.basename(runner.work_dir.rstrip(os.sep)))
        for key, value in list(hub.runtime_info.items()):
            if (key == 'last_ckpt' or key.startswith('best_ckpt')) and isinstance(value, str):
                hub.update_info(key, os.path.join(str(out_dir), os.path.basename(value)))
        super().before_train(runner)
        self.last_ckpt = hub.get_info('last_ckpt') if resumed else None
        if is_main_process():
            for name in hub.get_info(_OBSOLETE, []):
                self._delete(os.path.join(self.out_dir, os.path.basename(name)))
        hub.update_info(_OBSOLETE, [])

    def after_val_epoch(self, runner: Any, metrics: dict[str, float]) -> None:
        """Save the best."""
        if hasattr(self, 'file_backend'):  # else runner.val() without training
            super().after_val_epoch(runner, metrics)

    def after_val(self, runner: Any) -> None:
        """Save the checkpoint of this iteration again, so that it knows the validation's outcome.

        A run resumed from it neither validates twice nor loses what schedulers, early stopping and the curves learned
        from the validation.
        """
        if not hasattr(self, 'file_backend'):
            return
        runner.message_hub.update_info(VALIDATED, runner.iter)
        known = self._written is not None and self._written[1] == runner.iter
        if known or self._best_is_new or _is_stopped(runner):
            self._save_now(runner)
        if is_main_process():
            for path in self._outdated_best:
                self._delete(path)
        runner.message_hub.update_info(_OBSOLETE, [])
        self._best_is_new, self._outdated_best = False, ()

    def after_train(self, runner: Any) -> None:
        """Save where a run was stopped early, if that is no checkpoint yet: the same command then says so."""
        if _is_stopped(runner) and 0 < runner.iter != (self._written or (0, 0))[1]:
            self._save_now(runner)
        super().after_train(runner)

    def _save_now(self, runner: Any) -> None:
        """Save this iteration, again if it was saved."""
        step = runner.epoch if self.by_epoch else runner.iter
        if self._written is not None and self._written[1] == runner.iter:
            step = self._written[0]
        self._save_checkpoint_with_step(runner, step, dict(epoch=runner.epoch, iter=runner.iter))

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        hub = runner.message_hub
        if self._saving_best:  # of CheckpointHook, before the other hooks have seen the validation; see after_val
            self._best_is_new = True
            return
        outdated = None
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated = self.keep_ckpt_ids[0]
            self.keep_ckpt_ids.append(step)  # a deque of that length: it forgets the outdated one
            # The file lists one more than is kept, so that resuming from it deletes what is over.
            hub.update_info('keep_ckpt_ids', [*([outdated] if outdated is not None else []), *self.keep_ckpt_ids])
        self._written = (step, meta['iter'])
        hub.update_info(STOPPED, stopping_settings(runner.hooks) if _is_stopped(runner) else None)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        hub.update_info('last_ckpt', self.last_ckpt)
        runner.gather_rng()
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            atomic_write_bytes(os.path.join(runner.work_dir, POINTER), write_pointer_text(str(self.last_ckpt)))
            if outdated is not None:
                self._delete(self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(outdated)))
        if self.max_keep_ckpts > 0:
            hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, float]) -> None:
        """As the parent, but what it removes first is removed last, in :meth:`after_val`."""
        if not self.save_best or not self._has_scores(runner, metrics):
            return
        backend: Any = self.file_backend
        waiting = _RemoveLater(backend, runner.message_hub)
        self.file_backend, self._saving_best = waiting, True
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            self.file_backend, self._saving_best = backend, False
        self._outdated_best = tuple(waiting.paths)

    def _has_scores(self, runner: Any, metrics: dict[str, float]) -> bool:
        """Whether the validation reports what ``save_best`` names; without detections mmdet reports nothing of them.

        Raises:
            UserError: it never will.
        """
        missing = [name for name in self.key_indicators if name != 'auto' and name not in metrics]
        known = reported_metrics(runner.cfg.get('val_evaluator')) or ()
        for name in missing:
            if name not in known:
                refuse_unknown_metric('save_best of the checkpoint hook', name, metrics)
        if missing:
            runner.logger.warning(f'This validation has no {", ".join(missing)}: no best checkpoint is chosen.')
        return not missing

    def _delete(self, path: str) -> None:
        best = [getattr(self, 'best_ckpt_path', None), *getattr(self, 'best_ckpt_path_dict', {}).values()]
        in_use = {os.path.abspath(str(p)) for p in [*best, self.last_ckpt] if p}
        if os.path.abspath(path) not in in_use and self.file_backend.isfile(path):
            self.file_backend.remove(path)


def _is_stopped(runner: Any) -> bool:
    return bool(getattr(runner.train_loop, 'stop_training', False))


class _RemoveLater:
    """A file backend that notes removals, also in the message hub and so in the checkpoint."""

    def __init__(self, backend: Any, hub: Any) -> None:
        self._backend = backend
        self._hub = hub
        self.paths: list[str] = []

    def remove(self, path: str) -> None:
        self.paths.append(str(path))
        self._hub.update_info(_OBSOLETE, list(self.paths))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)
