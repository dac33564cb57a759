"""What a runner changes for the whole process, and how to put it back."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch
from mmengine.logging import MMLogger
from mmengine.utils import ManagerMixin

from mmseg_plugins.utils.rng import preserved_rng


def managers() -> list[type[ManagerMixin]]:
    """The classes whose named instances mmengine keeps for the whole process: loggers, message hubs, visualizers."""
    found: list[type[ManagerMixin]] = []
    waiting = [ManagerMixin]
    while waiting:
        waiting += (children := waiting.pop().__subclasses__())
        found += children
    return found


@contextmanager
def preserved_process() -> Iterator[None]:
    """Whatever runs inside leaves the process as it was.

    Put back are mmengine's named instances (log files of new loggers are closed), random generators, environment
    variables, OpenCV's threads, the start method of processes, and cuDNN's switches.
    """
    before = {manager: dict(manager._instance_dict) for manager in managers()}
    environment, threads = dict(os.environ), cv2.getNumThreads()
    method = multiprocessing.get_start_method(allow_none=True)
    backend = torch.backends.cudnn
    switches = backend.benchmark, backend.deterministic
    strict, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        with preserved_rng():
            yield
    finally:
        for logger in MMLogger._instance_dict.values():
            if logger not in before.get(MMLogger, {}).values():
                for handler in logger.handlers:
                    handler.close()
        for manager in managers():
            manager._instance_dict.clear()
            manager._instance_dict.update(before.get(manager, {}))
        os.environ.clear()
        os.environ.update(environment)
        cv2.setNumThreads(threads)
        multiprocessing.set_start_method(method, force=True)
        backend.benchmark, backend.deterministic = switches
        torch.use_deterministic_algorithms(strict, warn_only=warns)
