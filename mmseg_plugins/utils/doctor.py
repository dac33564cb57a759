"""What is installed, what is wrong with it, and the fix for each problem.

Only the standard library is needed, so that this works where nothing else
does; ``tools/doctor.py`` loads this file by its path.  Whatever may crash on
import is imported in a process of its own.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = PACKAGE.parent
DATA_FOLDERS = {
    'data/shapes': 'mmseg-plugins convert-data shapes --out-dir data/shapes',
    'data/nuclei': 'mmseg-plugins convert-data dsb2018 stage1_train --out-dir data/nuclei',
    'data/coco': 'download COCO 2017 and link it there',
}

_PROBE = """
import json, sys
facts = {}
def attempt(name, function):
    try:
        facts[name] = function()
    except BaseException as error:
        facts[name + '_error'] = f'{type(error).__name__}: {error}'.splitlines()[0]
def torch_facts():
    import torch
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpus = [torch.cuda.get_device_name(i) for i in range(count)]
    return dict(version=torch.__version__, gpus=gpus, threads=torch.get_num_threads())
attempt('torch', torch_facts)
attempt('cv2', lambda: __import__('cv2').__version__)
attempt('pkg_resources', lambda: bool(__import__('pkg_resources')))
attempt('mmengine', lambda: __import__('mmengine').__version__)
attempt('mmcv', lambda: __import__('mmcv').__version__)
def extension():
    import torch, mmcv._ext
    from mmcv.ops import get_compiling_cuda_version
    return str(get_compiling_cuda_version())
attempt('mmcv_ext', extension)
def operators():
    import torch
    from mmseg_plugins.ops.backends import operator_sources
    return operator_sources('cuda' if torch.cuda.is_available() else 'cpu')
attempt('operators', operators)
attempt('pycocotools', lambda: bool(__import__('pycocotools.mask')))
attempt('mmdet', lambda: __import__('mmdet').__version__)
attempt('mmseg', lambda: __import__('mmseg').__version__)
attempt('mmseg_models', lambda: bool(__import__('mmseg.models')))
attempt('mmseg_plugins', lambda: __import__('mmseg_plugins').__version__)
import importlib.util
if importlib.util.find_spec('torchvision'):
    attempt('torchvision', lambda: __import__('torchvision').__version__)
print('\\n' + json.dumps(facts))
"""


@dataclass
class Diagnosis:
    """Facts as lines, problems with fixes, and what only deserves a look."""

    facts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def text(self, problems_only: bool = False) -> str:
        """The report as printed; problems last, where a terminal shows them."""
        lines = [] if problems_only else list(self.facts)
        lines += [f'warning: {line}' for line in self.warnings]
        lines += [f'PROBLEM: {line}' for line in self.errors]
        if not problems_only:
            lines.append('Training cannot work yet.' if self.errors else 'Training can work.')
        return '\n'.join(lines)


def diagnose() -> Diagnosis:
    """Look at the interpreter, the stack, the hardware and the data folders."""
    report = Diagnosis()
    _check_python(report)
    _check_versions(report)
    facts = _probe(report)
    if facts is not None:
        _check_torch(report, facts)
        _check_mmcv(report, facts)
        _check_rest(report, facts)
    _check_machine(report)
    return report


def _check_python(report: Diagnosis) -> None:
    version = platform.python_version()
    report.facts.append(f'Python      {version}  ({sys.executable})')
    if sys.version_info < (3, 10):
        report.errors.append(f'Python {version} is older than 3.10. Fix: make setup PYTHON=python3.11')
    elif sys.version_info >= (3, 14):
        report.warnings.append(f'Python {version} is newer than 3.13, the newest tested version.')


def _check_versions(report: Diagnosis) -> None:
    """Versions of the stack against compat.STACK, loaded by path: the package may not import."""
    try:
        compat = _load_compat()
    except ImportError as error:
        report.errors.append(f'{error}. Fix: make setup')
        return
    errors, warnings = compat.stack_problems()
    report.errors += errors
    report.warnings += [line for line in warnings if 'installed together' not in line]
    report.errors += [line for line in warnings if 'installed together' in line]
    for req in compat.STACK:
        versions = {name: compat.installed_version(name) for name in req.stock + req.onedl}
        found = ', '.join(f'{name} {version}' for name, version in versions.items() if version)
        report.facts.append(f'{req.name:<11} {found or "not installed"}')


def _load_compat() -> ModuleType:
    spec = importlib.util.spec_from_file_location('_mmseg_plugins_compat', PACKAGE / 'utils' / 'compat.py')
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _probe(report: Diagnosis) -> dict | None:
    """Import everything once in another process and read back what happened."""
    import json

    env = dict(os.environ, PYTHONWARNINGS='ignore')
    env['PYTHONPATH'] = os.pathsep.join(filter(None, [env.get('PYTHONPATH', '')]))
    done = subprocess.run([sys.executable, '-c', _PROBE], capture_output=True, text=True, env=env, check=False)
    try:
        return json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ['no message'])[-1]
        report.errors.append(
            f'importing the stack ended the process (status {done.returncode}: {last}). '
            'Fix: a package was built for another torch or numpy; make setup CLEAN=1.'
        )
        return None


def _check_torch(report: Diagnosis, facts: dict) -> None:
    torch = facts.get('torch')
    if torch is None:
        report.errors.append(f'torch does not import: {facts["torch_error"]}. Fix: pip install torch')
        return
    report.facts.append(f'GPU         {", ".join(torch["gpus"]) or "none (training runs on the CPU)"}')
    vision = facts.get('torchvision')
    if vision is not None:
        report.facts.append(f'torchvision {vision} (optional)')
    elif 'torchvision_error' in facts:
        report.warnings.append(
            f'torchvision is installed but does not fit torch {torch["version"]} ({facts["torchvision_error"]}). It is '
            'optional. Fix: pip uninstall torchvision, or install the version made for this torch.'
        )
    else:
        report.facts.append('torchvision not installed (optional: its kernels on a GPU, newer torchvision:// weights)')


def _check_mmcv(report: Diagnosis, facts: dict) -> None:
    if 'pkg_resources' not in facts and _is_installed('mmengine'):
        report.errors.append(
            'setuptools without pkg_resources, which the stock mmengine imports. Fix: pip install "setuptools<81"'
        )
    if 'mmcv' not in facts:
        return
    if 'mmcv_ext' not in facts:
        cause = facts.get('mmcv_ext_error', '')
        report.errors.append(
            f'mmcv has no working operators (mmcv._ext: {cause}). Nothing stands in for them, or they were compiled '
            'for another torch. Fix: python -m mmseg_plugins.ops.install, or make setup CLEAN=1.'
        )
        return
    sources: dict[str, str] = facts.get('operators', {})
    for source in dict.fromkeys(sources.values()):
        names = ', '.join(name for name, one in sources.items() if one == source)
        report.facts.append(f'operators   from {source}: {names}')
    if facts.get('torch', {}).get('gpus'):
        _check_gpu_operators(report, facts, set(sources.values()))


def _check_gpu_operators(report: Diagnosis, facts: dict, sources: set[str]) -> None:
    """With a GPU: mmcv compiled without CUDA cannot run on it; without torchvision's kernels ours are slower."""
    if 'mmcv (compiled)' in sources:
        if facts['mmcv_ext'] in ('', 'not available'):
            report.errors.append(
                'there is a GPU but mmcv was compiled for the CPU only. Fix: make setup OPS=wheels CLEAN=1, or '
                'FORCE_CUDA=1 pip install --no-build-isolation --no-cache-dir --force-reinstall --no-deps mmcv'
            )
    elif 'torchvision' not in sources:
        report.warnings.append(
            'there is a GPU, and nms, roi_align and deform_conv run in plain PyTorch on it for want of torchvision, '
            'slower than its kernels. Fix: pip install the torchvision that is made for this torch'
        )


def _check_rest(report: Diagnosis, facts: dict) -> None:
    fixes = {
        'cv2': 'pip uninstall -y opencv-python && pip install opencv-python-headless (no libGL is needed then)',
        'mmengine': 'make setup',
        'mmcv': 'make setup',
        'pycocotools': 'pip install --force-reinstall --no-cache-dir pycocotools (built for this numpy)',
        'mmdet': 'make setup',
        'mmseg': 'make setup',
        'mmseg_models': 'pip install ftfy regex',
        'mmseg_plugins': 'pip install --no-build-isolation --no-deps -e .',
    }
    for name, fix in fixes.items():
        if name in facts:
            continue
        cause = facts.get(f'{name}_error', 'not found')
        report.errors.append(f'{name.replace("_models", ".models")} does not import: {cause}. Fix: {fix}')
    if _is_installed('opencv-python') and _is_installed('opencv-python-headless'):
        report.warnings.append(
            'opencv-python and opencv-python-headless are installed over each other. Fix: '
            'pip uninstall -y opencv-python opencv-python-headless, then pip install opencv-python-headless'
        )
    fast = _is_installed('faster-coco-eval')
    backend = 'faster-coco-eval' if fast else 'pycocotools (faster-coco-eval is quicker)'
    report.facts.append(f'evaluation  through {backend}')


def _check_machine(report: Diagnosis) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    free = shutil.disk_usage(os.getcwd()).free / 2**30
    report.facts.append(f'machine     {cores} cores, {free:.1f} GiB free here')
    if free < 1:
        report.warnings.append(f'only {free:.2f} GiB free in {os.getcwd()}: checkpoints may not fit.')
    for folder, fix in DATA_FOLDERS.items():
        present = (PROJECT / folder).is_dir()
        report.facts.append(f'{folder:<11} {"present" if present else "absent; to get it: " + fix}')


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
