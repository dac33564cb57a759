"""Which checkpoint a run continues from, and what a checkpoint holds."""

from __future__ import annotations

import os
import re
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import mmengine
import numpy as np
import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.logging import HistoryBuffer
from mmengine.model import is_model_wrapper
from mmengine.utils import apply_to, get_git_hash

from mmseg_plugins.engine.checkpoint.safe_load import (
    CheckpointFileError,
    CorruptCheckpointError,
    UnsafeCheckpointError,
    load_checkpoint_file,
)
from mmseg_plugins.utils.errors import UserError

POINTER = 'last_checkpoint'  # file in the work dir that names the newest checkpoint
#: In the message hub: iterations trained when validation last ended.  mmengine logs names that begin with 'val'.
VALIDATED = 'iter_of_last_validation'
_USUAL_NAME = re.compile(r'^(?:iter|epoch)_\d+\.pth$')
_NEEDED = ('meta', 'state_dict', 'message_hub')


@dataclass
class ResumePoint:
    """What :func:`find_resume_point` found: a path or None, the checkpoint's meta, and warnings to log."""

    path: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def find_resume_point(work_dir: str, folders: Iterable[str] = (), name_template: str | None = None) -> ResumePoint:
    """The checkpoint to continue from: the pointer's, else the newest readable one.

    Args:
        work_dir: folder of the run.
        folders: further folders that hold its checkpoints (``CheckpointHook.out_dir``).
        name_template: like ``'iter_{}.pth'``, if the run uses another name.

    Returns:
        ``path`` None when the folder holds no checkpoint at all.  A moved work
        dir is no problem: a pointer to the old place is looked up in the new one.

    Raises:
        UserError: there are checkpoints, but each is broken.
        UnsafeCheckpointError: the pointer's checkpoint names code.
    """
    pointer, target = _read_pointer(work_dir)
    point = ResumePoint()
    broken: dict[str, str] = {}
    if target is not None:
        meta = _try(target, broken, refuse=True)
        if meta is not None:
            return ResumePoint(target, meta)
    found = []
    for path in _candidates([work_dir, *folders, *([os.path.dirname(target)] if target else [])], name_template):
        meta = None if path in broken else _try(path, broken)
        if meta is not None:
            found.append((str(meta.get('time', '')), int(meta['iter']), path, meta))
    if found:
        *_, point.path, point.meta = max(found, key=lambda item: item[:3])
        if target in broken:
            point.warnings.append(f'{broken[target]} Resuming from the one before it: {point.path}')
        else:
            point.warnings.append(f'{_pointer_problem(work_dir, pointer)} Resuming from the newest: {point.path}')
        return point
    if broken:
        raise UserError(
            f'{work_dir} holds checkpoints, but none can be read:\n  ' + '\n  '.join(broken.values()) + '\n',
            fix='put a good copy there, or start anew with another --work-dir (or delete these files).',
        )
    if pointer:
        point.warnings.append(f'{_pointer_problem(work_dir, pointer)} There is no other checkpoint: starting anew.')
    return point


def verify(path: str) -> dict[str, Any]:
    """Check that a training run can continue from a file; returns its ``meta``.

    The archive's checksums are compared (one read of the file) and its
    structure is unpickled, the tensors staying on the disk.

    Raises:
        CorruptCheckpointError, UnsafeCheckpointError: as :func:`load_checkpoint_file`, and for weights without
            training state.
    """
    checkpoint = load_checkpoint_file(path, mmap=True)
    missing = [key for key in _NEEDED if not isinstance(checkpoint, dict) or key not in checkpoint]
    meta = {} if missing else checkpoint['meta']
    missing += [f'meta.{key}' for key in ('iter', 'epoch') if not missing and key not in meta]
    if missing:
        raise CorruptCheckpointError(
            f'{path} holds no training state ({", ".join(missing)} missing).',
            fix='use it as load_from.',
        )
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise CorruptCheckpointError(f'{path} is damaged: the checksum of {damaged} is wrong.')
    return dict(meta)


def write_pointer_text(path: str) -> bytes:
    """Content of the pointer file; an absolute path, which stock mmengine reads too."""
    return os.path.abspath(path).encode()


def build_checkpoint(
    runner: Any, *, save_optimizer: bool, save_param_scheduler: bool, meta: dict[str, Any]
) -> dict[str, Any]:
    """What mmengine's ``Runner.save_checkpoint`` puts into a checkpoint, under the same keys.

    Tensors on the CPU are the live ones, not copies.  Everything besides them is
    brought to types that can be read back without running code.
    """
    meta.update(
        # The hub has the text since the run began; formatting a long config anew takes as long as the save.
        cfg=runner.message_hub.get_info('cfg') or runner.cfg.pretty_text,
        seed=runner.base_seed,
        experiment_name=runner.experiment_name,
        time=time.strftime('%Y%m%d_%H%M%S', time.localtime()),
        mmengine_version=mmengine.__version__ + _git_hash(),
    )
    if hasattr(runner.train_dataloader.dataset, 'metainfo'):
        meta.update(dataset_meta=runner.train_dataloader.dataset.metainfo)
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    checkpoint: dict[str, Any] = {
        'meta': meta,
        'state_dict': model.state_dict(),
        'message_hub': runner.message_hub.state_dict(),
    }
    if save_optimizer:
        checkpoint['optimizer'] = runner.optim_wrapper.state_dict()
    if save_param_scheduler and runner.param_schedulers is not None:
        schedulers = runner.param_schedulers
        if isinstance(schedulers, dict):
            states: Any = {name: [s.state_dict() for s in group] for name, group in schedulers.items()}
        else:
            states = [scheduler.state_dict() for scheduler in schedulers]
        checkpoint['param_schedulers'] = states
    runner.call_hook('before_save_checkpoint', checkpoint=checkpoint)
    for key in checkpoint:
        checkpoint[key] = _tensors_to_cpu(checkpoint[key])
    for key in ('meta', 'message_hub', 'param_schedulers'):
        if key in checkpoint:
            checkpoint[key] = plain(checkpoint[key], key, runner.logger.warning)
    return checkpoint


def plain(value: Any, where: str, warn: Any) -> Any:
    """Bring nested containers to types that the safe reader accepts.

    Subclasses of dict, list, tuple and str become the class itself.  An entry
    that is none of the plain types (a function, an object) is left out, and
    ``warn`` is called with where it stood.
    """
    if value is None or isinstance(value, (bool, int, float, complex, bytes, torch.Tensor, HistoryBuffer)):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (np.ndarray, np.generic)) and not value.dtype.hasobject:
        return value
    if isinstance(value, dict):
        kind = OrderedDict if isinstance(value, OrderedDict) else dict
        return kind(
            (plain(key, where, warn), plain(item, f'{where}.{key}', warn))
            for key, item in value.items()
            if _is_plain(item, f'{where}.{key}', warn)
        )
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [plain(v, f'{where}[{i}]', warn) for i, v in enumerate(value) if _is_plain(v, f'{where}[{i}]', warn)]
        return items if isinstance(value, list) else set(items) if isinstance(value, (set, frozenset)) else tuple(items)
    return value  # torch dtypes, sizes and devices


def _is_plain(value: Any, where: str, warn: Any) -> bool:
    known = (
        type(None), bool, int, float, complex, bytes, str, dict, list, tuple, set, frozenset,
        torch.Tensor, torch.dtype, torch.device, HistoryBuffer,
    )  # fmt: skip
    if isinstance(value, known) or (isinstance(value, (np.ndarray, np.generic)) and not value.dtype.hasobject):
        return True
    # Schedulers hold bound methods that their constructors set again: nothing is lost there.
    if not callable(value):
        warn(f'{where} is a {type(value).__name__}, which a checkpoint cannot hold safely; it is not saved')
    return False


@lru_cache(maxsize=1)
def _git_hash() -> str:
    return get_git_hash()  # starts git, so once a process rather than once a checkpoint


def _tensors_to_cpu(value: Any) -> Any:
    metadata = getattr(value, '_metadata', None)
    moved = apply_to(value, lambda x: isinstance(x, torch.Tensor) and x.device.type != 'cpu', lambda x: x.cpu())
    if metadata is not None:
        moved._metadata = metadata
    return moved


def _read_pointer(work_dir: str) -> tuple[str | None, str | None]:
    """Text of the pointer file (None: no such file) and the existing file it means."""
    file = os.path.join(work_dir, POINTER)
    if not os.path.isfile(file):
        return None, None
    with open(file, encoding='utf-8', errors='replace') as stream:
        text = stream.read().strip()
    if not text:
        return '', None
    for path in (text if os.path.isabs(text) else os.path.join(work_dir, text), text):
        if os.path.isfile(path):
            return text, os.path.abspath(path)
    moved = os.path.join(work_dir, os.path.basename(text))
    return text, os.path.abspath(moved) if os.path.isfile(moved) else None


def _candidates(folders: Iterable[str], template: str | None) -> list[str]:
    own = None
    if template and '{}' in template:
        own = re.compile('^' + r'\d+'.join(re.escape(part) for part in template.split('{}')) + '$')
    paths: list[str] = []
    for folder in dict.fromkeys(os.path.abspath(f) for f in folders):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if _USUAL_NAME.match(name) or (own and own.match(name)):
                paths.append(os.path.join(folder, name))
    return paths


def _try(path: str, broken: dict[str, str], refuse: bool = False) -> dict[str, Any] | None:
    try:
        return verify(path)
    except CheckpointFileError as error:
        if refuse and isinstance(error, UnsafeCheckpointError):
            raise  # the run's own newest file names code: not to be passed over
        broken[path] = str(error)
        return None


def _pointer_problem(work_dir: str, pointer: str | None) -> str:
    file = os.path.join(work_dir, POINTER)
    if pointer is None:
        return f'{file} is missing.'
    return f'{file} names {pointer}, which does not exist.' if pointer else f'{file} is empty.'


def is_local(folder: str, backend_args: dict[str, Any] | None) -> bool:
    """Whether checkpoints under ``folder`` are plain files."""
    return isinstance(get_file_backend(folder, backend_args=backend_args), LocalBackend)


def on_main_process(look: Callable[[], ResumePoint]) -> ResumePoint:
    """Run on rank 0 and hand its result, or its error, to all ranks."""
    result: list[Any] = [None]
    if is_main_process():
        try:
            result = [look()]
        except Exception as error:  # raised again below, on every rank
            result = [error]
    broadcast_object_list(result)
    if isinstance(result[0], Exception):
        raise result[0]
    return result[0]
