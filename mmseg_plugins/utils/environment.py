"""What a run ran on: versions, hardware, memory, command, commit."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

_DISTRIBUTIONS = (
    'torch', 'torchvision', 'numpy', 'opencv-python', 'opencv-python-headless', 'pycocotools', 'faster-coco-eval',
    'mmengine', 'mmcv', 'mmdet', 'mmsegmentation',
    'onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection', 'onedl-mmsegmentation',
)  # fmt: skip


def versions() -> dict[str, str]:
    """Installed versions of what decides a result; what is not installed is left out."""
    from mmseg_plugins.version import __version__

    found = {'python': platform.python_version(), 'mmseg_plugins': __version__}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def cpu_model() -> str:
    """The processor's name as the system gives it."""
    return _cpu_fact('model name') or platform.processor() or platform.machine()


def cpu_flags() -> frozenset[str]:
    """The processor's instruction sets as Linux names them (``avx2``, ``amx_bf16``); empty where it does not tell."""
    return frozenset(_cpu_fact('flags').split())


def _cpu_fact(name: str) -> str:
    """The first line of that name in ``/proc/cpuinfo``, without the name; empty where there is none."""
    info = Path('/proc/cpuinfo')
    if info.is_file():
        for line in info.read_text(encoding='utf-8', errors='replace').splitlines():
            if line.lower().startswith(name):
                return line.split(':', 1)[1].strip()
    return ''


def hardware() -> dict[str, Any]:
    """CPU model, cores, torch threads and GPUs (name and memory in MB)."""
    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    gpus = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(index)
            gpus.append({'name': facts.name, 'memory_mb': facts.total_memory // 2**20})
    return {
        'cpu': cpu_model(),
        'cores': usable,
        'torch_threads': torch.get_num_threads(),
        'gpus': gpus,
        'system': platform.platform(),
    }


def rss_mb() -> float:
    """Resident memory of this process now, in MB (2**20 bytes)."""
    statm = Path('/proc/self/statm')
    if statm.is_file():
        return int(statm.read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20
    return peak_rss_mb()


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, in MB; data-loader workers are not counted."""
    status = Path('/proc/self/status')
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith('VmHWM'):
                return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:  # Windows has no such module
        return float('nan')
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == 'darwin' else peak / 1024


def reset_peak_rss() -> bool:
    """Let :func:`peak_rss_mb` count from now on; False where the system has no such switch."""
    try:
        Path('/proc/self/clear_refs').write_text('5')
    except OSError:
        return False
    return True


def release_memory() -> None:
    """Collect garbage and, with glibc, hand freed memory back to the system, where it is not resident."""
    import ctypes
    import gc

    gc.collect()
    if sys.platform.startswith('linux') and hasattr(libc := ctypes.CDLL(None), 'malloc_trim'):
        libc.malloc_trim(0)


def peak_memory() -> dict[str, float]:
    """Peak memory in MB: ``rss_mb`` of the process and, with a GPU in use, ``cuda_mb`` of allocated tensors."""
    import torch

    peak = {'rss_mb': round(peak_rss_mb(), 1)}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        peak['cuda_mb'] = round(max(map(torch.cuda.max_memory_allocated, range(torch.cuda.device_count()))) / 2**20, 1)
    return peak


def command_line() -> str:
    """The command of this process, quoted so that a shell takes it again."""
    if os.path.basename(sys.argv[0]) in ('mmseg-plugins', '__main__.py'):
        return shlex.join(['mmseg-plugins', *sys.argv[1:]])
    return shlex.join([os.path.basename(sys.executable) or 'python', *sys.argv])


def git_commit(folder: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Commit and whether tracked files were changed, for the repository of a folder; None outside one."""
    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(['git', '-C', os.fspath(folder), *words], capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git('rev-parse', 'HEAD')
    if commit is None:
        return None
    return {'commit': commit, 'changed_files': bool(git('status', '--porcelain', '--untracked-files=no'))}
