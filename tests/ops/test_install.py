"""How mmcv finds the stand-in: the file, the finder, a compiled module that wins, folders that refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from mmseg_plugins.ops import backends, install

ROOT = Path(install.__file__).parents[2]


@pytest.fixture
def lite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of an mmcv without operators, which the installer takes for the installed one."""
    folder = tmp_path / 'mmcv'
    folder.mkdir()
    (folder / '__init__.py').write_text('')
    monkeypatch.setattr(install, 'mmcv_folder', lambda: folder)
    return folder


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Python with the mmcv of ``folder`` before any other, without site packages that hold one."""
    path = os.pathsep.join([str(folder.parent), str(ROOT)])
    return subprocess.run([sys.executable, '-c', code], env={**os.environ, 'PYTHONPATH': path}, cwd=folder.parent,
                          capture_output=True, text=True, check=False)


def test_the_file_is_written_once_and_serves_mmcv(lite: Path) -> None:
    lines: list[str] = []
    path = install.install_stand_in(lines.append)
    assert path == lite / '_ext.py'
    written = path.stat().st_mtime_ns
    assert install.install_stand_in(lines.append) == path
    assert path.stat().st_mtime_ns == written
    assert 'written to' in lines[0]
    assert 'written to' not in lines[1]
    assert [entry.name for entry in lite.iterdir() if entry.suffix == '.tmp'] == []
    done = run('import mmcv._ext as e; print(e.nms.__module__, e.anything.__name__, e.__file__)', lite)
    assert done.stdout.split() == ['mmseg_plugins.ops.mmcv_ext', 'anything', str(path)], done.stderr


def test_an_older_file_of_ours_is_replaced(lite: Path) -> None:
    (lite / '_ext.py').write_text(f'{install.MARK} of long ago."""\n')
    assert install.install_stand_in(lambda line: None)
    assert (lite / '_ext.py').read_text() == install.CONTENT


def test_a_file_of_somebody_else_stays(lite: Path) -> None:
    (lite / '_ext.py').write_text('nms = None\n')
    lines: list[str] = []
    assert install.install_stand_in(lines.append) is None
    assert (lite / '_ext.py').read_text() == 'nms = None\n'
    assert 'Fix: delete it' in lines[0]


def test_a_compiled_module_is_left_alone(lite: Path) -> None:
    (lite / f'_ext{EXTENSION_SUFFIXES[0]}').touch()
    lines: list[str] = []
    assert install.install_stand_in(lines.append) is None
    assert not (lite / '_ext.py').exists()
    assert 'compiled' in lines[0]
    assert set(backends.operator_sources().values()) == {'mmcv (compiled)'}


def test_pythons_own_finder_prefers_the_compiled_module(lite: Path) -> None:
    """With both there, the extension module is what Python loads."""
    install.install_stand_in(lambda line: None)
    (lite / f'_ext{EXTENSION_SUFFIXES[0]}').touch()
    done = run('import importlib.util as u; print(u.find_spec("mmcv._ext").origin)', lite)
    assert done.stdout.strip().endswith(EXTENSION_SUFFIXES[0])


def test_a_folder_that_refuses_is_explained(lite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, content: str) -> None:
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr(install, '_write', refuse)
    lines: list[str] = []
    assert install.install_stand_in(lines.append) is None
    assert f'cannot write {lite / "_ext.py"} (Permission denied)' in lines[0]
    assert 'Fix: ' in lines[0]


def test_without_mmcv_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, 'mmcv_folder', lambda: None)
    assert install.install_stand_in(lambda line: None) is None
    assert set(backends.operator_sources().values()) == {'missing'}


FIND = 'from mmseg_plugins.ops import install; install.find_stand_in(); install.find_stand_in(); '


def test_the_finder_serves_a_process_where_nothing_was_written(lite: Path) -> None:
    code = 'import sys, mmcv._ext as e; print(e.nms.__module__, len([f for f in sys.meta_path if "ops.install" in '
    code += 'type(f).__module__]))'
    assert run(FIND + code, lite).stdout.split() == ['mmseg_plugins.ops.mmcv_ext', '1']


def test_the_finder_comes_after_a_module_that_is_there(lite: Path) -> None:
    (lite / '_ext.py').write_text('nms = 7\n')
    assert run(f'{FIND}import mmcv._ext as e; print(e.nms)', lite).stdout.split() == ['7']


def test_sources_name_the_stand_in_once_it_is_written(lite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finders = [finder for finder in sys.meta_path if not isinstance(finder, install._Finder)]  # of setup(), if it ran
    monkeypatch.setattr(sys, 'meta_path', finders)
    assert set(backends.operator_sources().values()) == {'missing'}
    install.install_stand_in(lambda line: None)
    sources = backends.operator_sources()
    assert sources['nms'] == sources['roi_pool'] == 'mmseg_plugins (PyTorch)'


def test_the_operators_need_torch_alone() -> None:
    """None of the stack's packages is imported, not even where it is there."""
    hosts = ['mmengine', 'mmcv', 'mmdet', 'mmseg', 'torchvision', 'timm']
    code = f'import sys\nfor name in {hosts}: sys.modules[name] = None\nimport mmseg_plugins.ops.mmcv_ext'
    done = subprocess.run([sys.executable, '-c', code], env={**os.environ, 'PYTHONPATH': str(ROOT)},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
