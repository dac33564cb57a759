"""Refine predictions before they are evaluated, drawn or written: a dense CRF after any model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper

from mmseg_plugins.engine.runner.post_process import RefinedTTAModel, attach, build_post_process, detach
from mmseg_plugins.registry import HOOKS


@HOOKS.register_module()
class PostProcessHook(Hook):
    """Put a post-process after the model while it is tested.

    ``SafeRunner`` adds this hook for a top-level ``post_process = dict(type=...)``.  Elsewhere it is listed itself:
    ``custom_hooks = [dict(type='mmseg_plugins.PostProcessHook', post_process=dict(type=...))]``.

    Args:
        post_process: ``type`` and its options, and ``validation``.
        validation: Whether it acts in validation, also while training; it takes its time each time.
    """

    def __init__(self, *, post_process: Mapping[str, Any], validation: bool = False) -> None:
        self.post = build_post_process(post_process)
        self.validation = bool(post_process.get('validation', validation)) if post_process else validation
        self._held: Any = None  # the runner's model, while another one or a refined one stands there
        self._seconds = 0.0
        self._images = 0

    def before_test(self, runner: Any) -> None:
        """Act from here on."""
        self._attach(runner)

    def after_test(self, runner: Any) -> None:
        """Act no more."""
        self._detach(runner)

    def before_val(self, runner: Any) -> None:
        """Act from here on, if asked to."""
        if self.validation:
            self._attach(runner)

    def after_val(self, runner: Any) -> None:
        """Act no more."""
        self._detach(runner)

    def _attach(self, runner: Any) -> None:
        if self.post is None or self._held is not None:
            return
        self._held = runner.model
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self._seconds, self._images = 0.0, 0
        if isinstance(model, BaseTTAModel):
            runner.model = RefinedTTAModel(model, _Timed(self, self.post))
        else:
            attach(model, _Timed(self, self.post))
        runner.logger.info(f'Predictions are refined by {type(self.post).__name__}: {vars(self.post)}')

    def _detach(self, runner: Any) -> None:
        if self._held is None:
            return
        runner.model, self._held = self._held, None
        detach(runner.model.module if is_model_wrapper(runner.model) else runner.model)
        if self._images:
            runner.logger.info(
                f'{type(self.post).__name__} took {self._seconds / self._images:.3g} s a picture ({self._images})')


class _Timed:
    """The post-process itself, with its time added up in the hook."""

    def __init__(self, hook: PostProcessHook, post: Any) -> None:
        self._hook, self._post = hook, post

    def __call__(self, samples: Any, images: Any, model: Any) -> Any:
        start = time.perf_counter()
        refined = self._post(samples, images, model)
        self._hook._seconds += time.perf_counter() - start
        self._hook._images += len(samples)
        return refined

    def __getattr__(self, name: str) -> Any:
        return getattr(self._post, name)
