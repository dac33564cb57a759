"""Training loops that continue where a run stood, bit for bit on a CPU.

They are mmengine's loops except at the start: data already trained on is passed
over without being read, a validation that a kill cut off is made up for, the
random generators get their saved states last of all, and a run that is complete
says so.  ``SafeRunner`` puts them in the place of the stock loops.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from torch.utils.data import DataLoader

from mmseg_plugins.engine.checkpoint.files import VALIDATED
from mmseg_plugins.engine.checkpoint.hook_states import STOPPED, stopping_settings
from mmseg_plugins.engine.runner.resumable_data import PositionedBatchSampler, ResumableIterator, stop_workers
from mmseg_plugins.registry import LOOPS
from mmseg_plugins.utils.rng import preserved_rng, set_rng_state


class _ValidationOnce:
    """What both loops share: validation that disturbs nothing and is never lost."""

    runner: Any
    _iter: int

    def _validate(self) -> None:
        """Validate; random generators are afterwards as before, so that it changes nothing in training."""
        with preserved_rng() as state:
            self.runner.training_rng = state  # what a checkpoint written during validation must hold
            try:
                self.runner.val_loop.run()
            finally:
                self.runner.training_rng = None

    def _make_up_for_validation(self, due: bool) -> None:
        """Validate first if the checkpoint was written before the validation due at its iteration."""
        if self._iter > 0 and due and self.runner.message_hub.get_info(VALIDATED) != self._iter:
            self.runner.logger.info(f'Validation after iteration {self._iter} was interrupted; it is done now.')
            self._validate()

    def _restore_generators(self) -> None:
        state = self.runner.take_resumed_rng()
        if state is not None:
            set_rng_state(state)

    def _was_stopped(self) -> bool:
        """Whether the resumed run was ended early, by the early stopping that this config has, too."""
        stopped = self.runner.message_hub.get_info(STOPPED) if self._iter > 0 else None
        if stopped is None:
            return False
        if stopped != stopping_settings(self.runner.hooks):
            self.runner.logger.info(
                f'This run was stopped early after iteration {self._iter}; early stopping has changed, it goes on.')
            return False
        self.runner.logger.info(
            f'Training is already complete: it was stopped early after iteration {self._iter} in '
            f'{self.runner.work_dir}. To train on, raise the patience of EarlyStoppingHook or take it out; --restart '
            'or another --work-dir starts anew.'
        )
        return True

    def _say_complete(self, done: str, limit: str) -> None:
        self.runner.logger.info(
            f'Training is already complete: {done} of {limit} are done in {self.runner.work_dir}. '
            f'Raise {limit.split("=")[0]} to train on, or name another --work-dir to start anew.'
        )


class _NotYet:
    """Stands in for the loader while the parent is constructed: stock mmengine starts its workers there."""

    def __init__(self, loader: DataLoader) -> None:
        self.dataset = loader.dataset

    def __iter__(self) -> Iterator[Any]:
        return iter(())


@LOOPS.register_module()
class ResumableIterLoop(_ValidationOnce, IterBasedTrainLoop):
    """mmengine's ``IterBasedTrainLoop`` with exact and fast resuming; the same arguments."""

    def __init__(self, runner: Any, dataloader: DataLoader | dict[str, Any], **kwargs: Any) -> None:
        loader: DataLoader = (
            runner.build_resumable_dataloader(dataloader) if isinstance(dataloader, dict) else dataloader
        )
        super().__init__(runner, _NotYet(loader), **kwargs)
        self.dataloader = loader
        self.dataloader_iterator = ResumableIterator(loader)

    def run(self) -> Any:
        """Train from iteration ``self.iter`` to ``max_iters``."""
        self.runner.call_hook('before_train')
        if self._iter >= self._max_iters:
            self._restore_generators()
            self._make_up_for_validation(self._is_due())
            self._say_complete(f'{self._iter} iterations', f'train_cfg.max_iters={self._max_iters}')
            self.runner.call_hook('after_train')
            return self.runner.model
        if self._was_stopped():
            self._restore_generators()
            self.runner.call_hook('after_train')
            return self.runner.model
        self.runner.call_hook('before_train_epoch')
        if self._iter > 0:
            self.dataloader_iterator.skip(self._iter)
        self._restore_generators()
        self._make_up_for_validation(self._is_due())
        try:
            while self._iter < self._max_iters and not self.stop_training:
                self.runner.model.train()
                self.run_iter(next(self.dataloader_iterator))
                self._decide_current_val_interval()
                if self._is_due():
                    self._validate()
        finally:
            self.dataloader_iterator.close()  # also on an error: waiting workers delay the exit
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def _is_due(self) -> bool:
        done = self._iter
        return (
            self.runner.val_loop is not None
            and done >= self.val_begin
            and (done % self.val_interval == 0 or done == self._max_iters)
        )


@LOOPS.register_module()
class ResumableEpochLoop(_ValidationOnce, EpochBasedTrainLoop):
    """mmengine's ``EpochBasedTrainLoop`` with exact resuming, also in the middle of an epoch."""

    def __init__(self, runner: Any, dataloader: DataLoader | dict[str, Any], **kwargs: Any) -> None:
        if isinstance(dataloader, dict):
            dataloader = runner.build_resumable_dataloader(dataloader)
        super().__init__(runner, dataloader, **kwargs)

    def run(self) -> Any:
        """Train from epoch ``self.epoch``, iteration ``self.iter``, to ``max_epochs``."""
        self.runner.call_hook('before_train')
        self._restore_generators()
        if self._iter == self._epoch * len(self.dataloader):
            self._make_up_for_validation(self._epoch > 0 and self._is_due())
        over = self._epoch >= self._max_epochs or self._was_stopped()
        if self._epoch >= self._max_epochs:
            self._say_complete(f'{self._epoch} epochs', f'train_cfg.max_epochs={self._max_epochs}')
        try:
            while not over and self._epoch < self._max_epochs and not self.stop_training:
                self.run_epoch()
                self._decide_current_val_interval()
                if self._is_due():
                    self._validate()
        finally:
            stop_workers(self.dataloader)
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """Train one epoch, or the rest of it after a resume in its middle."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        start = self._position(self.dataloader.batch_sampler)
        for index, data_batch in enumerate(self.dataloader, start):
            self.run_iter(index, data_batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _position(self, sampler: Any) -> int:
        """Set the sampler to this epoch's next batch; returns the batch's index in the epoch."""
        length = len(self.dataloader)
        if not isinstance(sampler, PositionedBatchSampler):
            return 0
        done = self._iter - self._epoch * length
        if not 0 <= done < length:
            done = 0  # the dataset or the batch size has changed: start with the epoch
        sampler.next_batch = self._epoch * length
        sampler.to_skip = done
        return done

    def _is_due(self) -> bool:
        return (
            self.runner.val_loop is not None
            and self._epoch >= self.val_begin
            and (self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs)
        )
