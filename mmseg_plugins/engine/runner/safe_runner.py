"""A runner whose runs survive: kill-safe checkpoints, exact resuming, early clear errors.

Chosen in a config by ``runner_type = 'mmseg_plugins.SafeRunner'``; mmdet's and
mmseg's own ``train.py`` build it too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import all_gather_object, is_main_process, master_only
from mmengine.hooks import CheckpointHook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn
from torch.utils.data import DataLoader

from mmseg_plugins import setup
from mmseg_plugins.config.build_errors import explain_build_errors
from mmseg_plugins.config.formatting import formatted_once
from mmseg_plugins.config.load import resolve_loaded
from mmseg_plugins.engine.checkpoint.files import (
    ResumePoint,
    build_checkpoint,
    find_resume_point,
    is_local,
    on_main_process,
    plain,
    verify,
)
from mmseg_plugins.engine.checkpoint.hook_states import hook_states, restore_hook_states
from mmseg_plugins.engine.checks.compatibility import check_model, names_plugin
from mmseg_plugins.engine.checks.forward_errors import explain_forward_errors
from mmseg_plugins.engine.checks.prediction_settings import check_built_model
from mmseg_plugins.engine.checks.pretrained import check_pretrained
from mmseg_plugins.engine.checks.training_config import trains_by_epoch
from mmseg_plugins.engine.checks.training_numbers import check_parts, check_rules
from mmseg_plugins.engine.checks.training_parts import check_loader, check_training
from mmseg_plugins.engine.protocols import BeforeBuild
from mmseg_plugins.engine.runner.cpu_dist import cpu_wrapper, start_gloo
from mmseg_plugins.engine.runner.hook_switches import add_switch_hooks
from mmseg_plugins.engine.runner.loops import ResumableEpochLoop, ResumableIterLoop
from mmseg_plugins.engine.runner.optimizer_state import check_resumed, group_settings, reapply_groups, training_kinds
from mmseg_plugins.engine.runner.resumable_data import is_resumable, resumable_loader
from mmseg_plugins.engine.runner.schedules import flat_schedulers, reapply, settings_of
from mmseg_plugins.registry import RUNNERS
from mmseg_plugins.utils.atomic import atomic_save, explain_disk_full, remove_leftovers
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.rng import rng_state

_LOOPS = {
    'IterBasedTrainLoop': ResumableIterLoop,
    'EpochBasedTrainLoop': ResumableEpochLoop,
}


@RUNNERS.register_module()
class SafeRunner(Runner):
    """mmengine's ``Runner`` with the same arguments and the same checkpoint format.

    What differs:

    * ``resume='auto'`` continues from the work dir's checkpoint if there is one;
      otherwise ``load_from`` is where the run starts.  ``resume=True`` with
      ``load_from`` resumes that file, ``resume=True`` alone is ``'auto'``.
    * A broken newest checkpoint is passed over, with a warning, for the one before.
    * Checkpoints hold the random generators of every rank (``rng_states``); the
      loops continue data order and augmentation exactly (``loops.py``).
    * Hooks may have ``before_build(runner, stage)``, called by :meth:`train`,
      :meth:`val` and :meth:`test` (the stage's name) before any dataset is built.
    * Resuming demands that all weights fit; ``load_from`` stays lenient, as in mmengine.

    Attributes:
        training_rng: state of the generators to be saved while validation runs, else None.
    """

    training_rng: dict[str, Any] | None = None
    # Set by mmengine's constructor.
    _has_loaded: bool
    _load_from: str | None
    _resume: bool | str
    _randomness_cfg: dict[str, Any]
    _train_dataloader: Any
    # Our own.
    _resume_path: str | None = None
    _resumed_rng: dict[str, Any] | None = None
    _rng_states: list[dict[str, Any]] | None = None
    _resuming = False

    @classmethod
    def from_cfg(cls, cfg: Any) -> SafeRunner:
        """Build from a config, with the hooks of :mod:`mmseg_plugins.engine.runner.hook_switches`.

        Raises:
            UnknownTypeError: a ``type`` that no registry knows, with near matches.
        """
        setup()
        cfg = deepcopy(cfg)
        if isinstance(cfg, Config):
            resolve_loaded(cfg)  # read by another tool than ours
        if cfg.get('train_cfg') is None and cfg.get('optim_wrapper') is None:
            cfg['train_dataloader'] = None  # without a schedule: mmengine wants all three or none
        add_switch_hooks(cfg)
        check_parts(cfg)
        check_rules(cfg)
        with explain_build_errors(cfg), explain_disk_full(cfg['work_dir']), formatted_once():
            return super().from_cfg(cfg)

    def train(self) -> Any:
        """Train, from where the work dir's newest checkpoint stands if resuming is on."""
        with explain_build_errors(self.cfg), explain_disk_full(self.work_dir), formatted_once():
            check_training(self)
            self._before_build('train')
            if is_main_process():
                for folder in self._checkpoint_folders():
                    remove_leftovers(folder)
            if not self._has_loaded:
                self._choose_start()
            with explain_forward_errors(self.model, first=lambda: self._mixed and self.iter == 0):
                return super().train()

    def val(self) -> dict[str, float]:
        """Validate the weights of ``load_from``, or of the newest checkpoint with ``resume``."""
        return self._evaluate(super().val)

    def test(self) -> dict[str, float]:
        """Test the weights of ``load_from``, or of the newest checkpoint with ``resume``."""
        return self._evaluate(super().test)

    @property
    def base_seed(self) -> int:
        """The run's seed, the same on all ranks also with ``diff_rank_seed``."""
        return self.seed - (self.rank if self._randomness_cfg.get('diff_rank_seed', False) else 0)

    def build_model(self, model: nn.Module | dict[str, Any]) -> nn.Module:
        """Build the model; parts of this package among others are asked whether they fit (``compatibility.py``).

        Raises:
            UserError: two parts do not fit, or a level of predictions that the parts do not give.
        """
        built = super().build_model(model)
        check_built_model(built)
        if self._mixed and isinstance(model, dict):
            check_model(built)
        return built

    def _init_model_weights(self) -> None:
        """Initialize the weights; files of initial weights must reach the modules that name them (``pretrained.py``).

        Raises:
            UserError: one does not.
        """
        model: Any = self.model.module if is_model_wrapper(self.model) else self.model
        with check_pretrained(model):
            super()._init_model_weights()

    @property
    def _mixed(self) -> bool:
        """Whether the model has parts of this package and the config does not switch their check off."""
        return self.cfg.get('compatibility_check', True) and names_plugin(self.cfg.get('model'))

    def build_train_loop(self, loop: BaseLoop | dict[str, Any]) -> BaseLoop:
        """Build the train loop; the stock ones are replaced by their resumable forms."""
        if isinstance(loop, BaseLoop) or not isinstance(loop, dict):
            return super().build_train_loop(loop)
        loop = deepcopy(loop)
        if 'by_epoch' in loop and 'type' not in loop:
            loop['type'] = 'EpochBasedTrainLoop' if loop.pop('by_epoch') else 'IterBasedTrainLoop'
        name = loop.get('type')
        if isinstance(name, str):
            loop['type'] = _LOOPS.get(name.removeprefix('mmengine.'), name)
        described = self._train_dataloader
        self._train_dataloader = self.build_resumable_dataloader(described)
        check_loader(self._train_dataloader, self.model, by_epoch=trains_by_epoch(loop))
        try:
            return super().build_train_loop(loop)
        finally:
            self._train_dataloader = described  # scale_lr reads the batch size from it

    @staticmethod
    def build_dataloader(dataloader: Any, *args: Any, **kwargs: Any) -> DataLoader:
        """As mmengine; without worker processes, what concerns them is left out: torch refuses it."""
        if isinstance(dataloader, dict) and dataloader.get('num_workers') == 0:
            dataloader = {**dataloader, 'persistent_workers': False}
            dataloader.pop('prefetch_factor', None)
        return Runner.build_dataloader(dataloader, *args, **kwargs)

    def build_resumable_dataloader(self, dataloader: DataLoader | dict[str, Any]) -> DataLoader:
        """mmengine's train loader with numbered, individually seeded samples."""
        # Samplers get the base seed on every rank: left to choose, they draw a new one at each start.
        built = self.build_dataloader(dataloader, seed=self.base_seed)
        loader = resumable_loader(built, self.base_seed, self.rank, self.world_size)
        if not is_resumable(loader):
            self.logger.warning('The training data is no indexed dataset: a resumed run will not see the same samples.')
        return loader

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """Set up processes as mmengine does, over gloo where there is no GPU."""
        start_gloo(self.launcher)
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """Wrap the model for several processes, on GPUs or on CPUs; one without parameters has nothing to share."""
        if self.distributed and next(model.parameters(), None) is None:
            return model.to(get_device())
        wrapper = cpu_wrapper(self.cfg, model_wrapper_cfg) if self.distributed else model_wrapper_cfg
        return super().wrap_model(wrapper, model)

    def load_or_resume(self) -> None:
        """Load what :meth:`train` chose, or ``load_from``."""
        if self._has_loaded:
            return
        if self._resume_path is not None:
            self.resume(self._resume_path)
        elif self._load_from is not None:
            self.load_checkpoint(self._load_from)
        self._has_loaded = self._resume_path is not None or self._load_from is not None

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: str | Callable[..., Any] = 'default',
    ) -> None:
        """Continue from a checkpoint.

        Raises:
            RuntimeError: weights missing or left over: the file is of another model.
        """
        self._resuming = True
        schedulers = flat_schedulers(self.param_schedulers) if self._schedulers_built() else []
        settings = [settings_of(scheduler) for scheduler in schedulers]
        groups = group_settings(self.optim_wrapper)
        try:
            # On the CPU: weights and optimizer copy to the model's device themselves, generators need it.
            super().resume(
                filename,
                resume_optimizer,
                resume_param_scheduler,
                'cpu' if map_location == 'default' else map_location,
            )
        finally:
            self._resuming = False
        for change in [*reapply(schedulers, settings), *reapply_groups(self.optim_wrapper, groups, schedulers)]:
            self.logger.info(f'Schedule or optimizer changed, the config is followed: {change}')

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable[..., Any] = 'cpu',
        strict: bool = False,
        revise_keys: list[tuple[str, str]] | None = None,
    ) -> dict[str, Any]:
        """Load weights; while resuming all of them must fit and the generators' states are kept for the loop."""
        keys = [(r'^module.', '')] if revise_keys is None else revise_keys
        try:
            checkpoint = super().load_checkpoint(filename, map_location, strict or self._resuming, keys)
        except RuntimeError as error:
            if self._resuming and 'do not match exactly' in str(error):
                raise UserError(
                    f'{filename} is of another model than this config, so the run cannot be resumed from it.',
                    fix='use the config that made it, or start anew (another --work-dir), with load_from for the '
                        f'weights that fit. {error}',
                ) from error
            raise
        if self._resuming:
            self._keep_rng(checkpoint.get('rng_states'), filename)
            restore_hook_states(self.hooks, checkpoint.get('hook_states') or {})
        return checkpoint

    def take_resumed_rng(self) -> dict[str, Any] | None:
        """This rank's generator states of the resumed checkpoint; a second call gives None."""
        state, self._resumed_rng = self._resumed_rng, None
        return state

    def gather_rng(self) -> None:
        """Collect every rank's generator states for the next checkpoint; all ranks must call it."""
        self._rng_states = all_gather_object(self.training_rng or rng_state())

    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args: dict[str, Any] | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: dict[str, Any] | None = None,
        by_epoch: bool = True,
        backend_args: dict[str, Any] | None = None,
    ) -> None:
        """Save as mmengine does, but whole or not at all, and with the random generators' states.

        Raises:
            DiskFullError: no space; earlier files are untouched.
        """
        if file_client_args is not None or not is_local(out_dir, backend_args):
            super().save_checkpoint(
                out_dir, filename, file_client_args, save_optimizer, save_param_scheduler, meta, by_epoch, backend_args
            )
            return
        meta = dict(meta or {})
        meta.setdefault('epoch', self.epoch + 1 if by_epoch else self.epoch)
        meta.setdefault('iter', self.iter if by_epoch else self.iter + 1)
        self._write_checkpoint(os.path.join(out_dir, filename), save_optimizer, save_param_scheduler, meta)

    @master_only
    def _write_checkpoint(self, path: str, optimizer: bool, schedulers: bool, meta: dict[str, Any]) -> None:
        checkpoint = build_checkpoint(self, save_optimizer=optimizer, save_param_scheduler=schedulers, meta=meta)
        if optimizer:
            checkpoint['meta'].update(training_kinds(self.optim_wrapper, self.param_schedulers))
            checkpoint['hook_states'] = plain(hook_states(self.hooks), 'hook_states', self.logger.warning)
            checkpoint['rng_states'] = self._rng_states or [self.training_rng or rng_state()]
            self._rng_states = None
        atomic_save(checkpoint, path)

    def _schedulers_built(self) -> bool:
        return not isinstance(self._train_loop, dict) and isinstance(self.optim_wrapper, OptimWrapper)

    def _before_build(self, stage: str) -> None:
        for hook in self.hooks:
            if isinstance(hook, BeforeBuild):
                hook.before_build(self, stage)

    def _evaluate(self, run: Callable[[], dict[str, float]]) -> dict[str, float]:
        with explain_build_errors(self.cfg), explain_disk_full(self.work_dir), formatted_once():
            self._before_build(run.__name__)  # 'val' or 'test'
            if self._resume and not self._has_loaded and (self._load_from is None or self._resume == 'auto'):
                self._load_from = self._find_resume_point().path or self._load_from
            self._resume = False  # weights only: nothing is trained on
            return run()

    def _choose_start(self) -> None:
        """Decide between resuming and starting, before the loop and its samplers are built from the seed."""
        if not self._resume:
            return
        explicit = self._resume != 'auto' and self._load_from is not None
        point = self._verify(str(self._load_from)) if explicit else self._find_resume_point()
        if point.path is None:
            start = f'with the weights of {self._load_from}' if self._load_from else 'from the beginning'
            self.logger.info(f'No checkpoint in {self.work_dir}: training starts {start}.')
            self._resume = False
            return
        self.logger.info(f'Resuming from {point.path}')
        check_resumed(self, point.path)
        self._resume_path = point.path
        self._adopt_seed(point.meta.get('seed'))

    def _adopt_seed(self, seed: int | None) -> None:
        configured = self._randomness_cfg.get('seed')
        if seed is None or seed == configured:
            return
        if configured is not None:
            self.logger.warning(
                f'randomness.seed={configured} differs from the seed {seed} of the resumed run, which is kept: '
                'another one would change the order of the data.'
            )
        self._randomness_cfg = {**self._randomness_cfg, 'seed': seed}
        self.set_randomness(**self._randomness_cfg)

    def _find_resume_point(self) -> ResumePoint:
        template = next((hook.filename_tmpl for hook in self.hooks if isinstance(hook, CheckpointHook)), None)
        folders = self._checkpoint_folders()
        point = on_main_process(lambda: find_resume_point(self.work_dir, folders, template))
        for warning in point.warnings:
            self.logger.warning(warning)
        return point

    def _verify(self, path: str) -> ResumePoint:
        if not os.path.isfile(os.path.expanduser(path)):
            return ResumePoint(path)  # an address, or missing: reading it says so
        return on_main_process(lambda: ResumePoint(path, verify(os.path.expanduser(path))))

    def _checkpoint_folders(self) -> list[str]:
        folders = [self.work_dir]
        for hook in self.hooks:
            out_dir = hook.out_dir if isinstance(hook, CheckpointHook) else None
            if out_dir:
                # CheckpointHook adds the work dir's own name to another root.
                folders += [str(out_dir), os.path.join(str(out_dir), os.path.basename(self.work_dir))]
        return [folder for folder in dict.fromkeys(folders) if os.path.isdir(folder)]

    def _keep_rng(self, states: list[dict[str, Any]] | None, filename: str) -> None:
        if not states:
            self.logger.warning(f'{filename} holds no states of random generators; the run continues with new ones.')
            return
        if len(states) != self.world_size:
            self.logger.warning(
                f'{filename} was saved by {len(states)} processes, now there are {self.world_size}: the run continues, '
                'but not with the same random numbers and batches.'
            )
        self._resumed_rng = states[self.rank] if self.rank < len(states) else None
