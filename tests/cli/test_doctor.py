"""The doctor names each problem with its fix, and its exit status says whether training can work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_plugins.utils import doctor

ROOT = Path(__file__).resolve().parents[2]
SOUND = {
    'torch': {'version': '2.13.0', 'gpus': [], 'threads': 2}, 'cv2': '5', 'pkg_resources': True, 'mmengine': '0',
    'mmcv': '2', 'mmcv_ext': 'not available',
    'operators': {'nms': 'mmseg_plugins (PyTorch)', 'carafe': 'mmseg_plugins (PyTorch)'}, 'pycocotools': True,
    'mmdet': '3', 'mmseg': '1', 'mmseg_models': True,
    'mmseg_plugins': '0',
}  # fmt: skip


@pytest.fixture
def distributions(monkeypatch):
    """Names that are installed, whatever this environment holds."""
    names = {'mmengine', 'opencv-python-headless'}
    monkeypatch.setattr(doctor, '_is_installed', names.__contains__)
    return names


def diagnosis_of(facts):
    report = doctor.Diagnosis()
    doctor._check_torch(report, facts)
    doctor._check_mmcv(report, facts)
    doctor._check_rest(report, facts)
    return report


def test_this_installation_can_train():
    done = subprocess.run([sys.executable, 'tools/doctor.py'], cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    assert 'operators   from ' in done.stdout
    assert done.stdout.rstrip().endswith('Training can work.')


def test_empty_interpreter_is_told_everything_and_fails():
    env = dict(os.environ, PYTHONPATH='')
    done = subprocess.run([sys.executable, '-S', 'tools/doctor.py'], cwd=ROOT, text=True, capture_output=True, env=env,
                          check=False)  # fmt: skip
    assert done.returncode == 1
    assert 'PROBLEM:' in done.stdout
    assert 'Fix: make setup' in done.stdout
    assert 'Traceback' not in done.stdout + done.stderr


@pytest.mark.parametrize(('tool', 'more'), [
    ('train.py', []), ('test.py', ['a.pth']), ('infer.py', ['a.pth', 'a.png', '--out-dir', 'work_dirs/none']),
])
def test_tool_that_cannot_import_begins_with_the_doctors_problems(tool, more):
    env = dict(os.environ, PYTHONPATH='')
    words = [sys.executable, '-S', f'tools/{tool}', 'config.py', *more]
    done = subprocess.run(words, cwd=ROOT, text=True, capture_output=True, env=env, check=False)
    assert done.returncode == 1
    assert 'PROBLEM:' in done.stderr
    assert 'Fix: make setup' in done.stderr
    assert 'cannot start: ModuleNotFoundError' in done.stderr


def test_sound_facts_have_no_problem():
    assert diagnosis_of(SOUND).errors == []


@pytest.mark.parametrize(
    ('missing', 'error', 'words'),
    [
        ('mmcv_ext', "ModuleNotFoundError: No module named 'mmcv._ext'",
         ['mmcv._ext', 'python -m mmseg_plugins.ops.install']),
        ('cv2', 'ImportError: libGL.so.1: cannot open shared object file', ['libGL', 'opencv-python-headless']),
        ('pkg_resources', "ModuleNotFoundError: No module named 'pkg_resources'", ['setuptools<81']),
        ('pycocotools', 'ValueError: numpy.dtype size changed', ['numpy.dtype', '--force-reinstall']),
        ('mmseg_models', "ModuleNotFoundError: No module named 'ftfy'", ['ftfy', 'pip install ftfy regex']),
        ('mmseg_plugins', "ModuleNotFoundError: No module named 'mmseg_plugins'", ['-e .']),
        ('torch', 'OSError: libcudart', ['libcudart', 'pip install torch']),
    ],
)
def test_what_does_not_import_is_a_problem_with_its_fix(missing, error, words, monkeypatch):
    monkeypatch.setattr(doctor, '_is_installed', lambda name: True)
    facts = {key: value for key, value in SOUND.items() if key != missing}
    errors = '\n'.join(diagnosis_of({**facts, f'{missing}_error': error}).errors)
    for word in words:
        assert word in errors


def test_torchvision_that_does_not_fit_is_only_a_warning():
    report = diagnosis_of({**SOUND, 'torchvision_error': 'RuntimeError: operator torchvision::nms does not exist'})
    assert report.errors == []
    assert 'torchvision::nms' in report.warnings[0]


WITH_GPU = {**SOUND, 'torch': {'version': '2', 'gpus': ['A GPU'], 'threads': 2}}


def test_operators_are_told_with_where_they_come_from():
    facts = diagnosis_of({**SOUND, 'operators': {'nms': 'torchvision', 'carafe': 'mmseg_plugins (PyTorch)'}}).facts
    assert 'operators   from torchvision: nms' in facts
    assert 'operators   from mmseg_plugins (PyTorch): carafe' in facts


def test_gpu_with_operators_compiled_for_the_cpu_is_a_problem():
    report = diagnosis_of({**WITH_GPU, 'operators': {'nms': 'mmcv (compiled)'}})
    assert 'FORCE_CUDA=1' in report.errors[0]


def test_gpu_without_torchvision_is_warned_of_plain_pytorch(distributions):
    report = diagnosis_of(WITH_GPU)
    assert report.errors == []
    assert 'plain PyTorch' in report.warnings[0]
    assert 'torchvision' in report.warnings[0]


@pytest.mark.parametrize('facts', [SOUND, {**WITH_GPU, 'operators': {'nms': 'torchvision', 'carafe': 'x'}}])
def test_cpu_or_torchvisions_kernels_give_no_warning(facts, distributions):
    assert diagnosis_of(facts).warnings == []


def test_two_opencvs_over_each_other_are_warned_of(distributions):
    distributions.add('opencv-python')
    assert [line.split(' are ')[0] for line in diagnosis_of(SOUND).warnings] == [
        'opencv-python and opencv-python-headless']


def test_both_lines_over_each_other_are_a_problem(monkeypatch):
    compat = doctor._load_compat()
    monkeypatch.setattr(compat, 'installed_version', lambda name: '99' if name else None)
    monkeypatch.setattr(doctor, '_load_compat', lambda: compat)
    report = doctor.Diagnosis()
    doctor._check_versions(report)
    assert any('mmcv-lite 99 and mmcv 99 and onedl-mmcv 99 are installed together' in line for line in report.errors)
