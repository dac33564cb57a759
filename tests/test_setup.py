"""Importing the package changes nothing; ``setup()``, or a config that names the package, prepares the process."""

import subprocess
import sys

import pytest

READER = 'from mmengine.runner.checkpoint import CheckpointLoader as L; name = L._schemes[""].__module__; '
OURS = READER + 'assert name == "mmseg_plugins.engine.checkpoint.loaders", name'
STOCK = READER + 'assert name == "mmengine.runner.checkpoint", name'


def run(code: str) -> None:
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('module', ['mmseg_plugins', 'mmseg_plugins.engine', 'mmseg_plugins.models'])
def test_importing_a_module_installs_nothing(module):
    run(f'import {module}; {STOCK}')


def test_operators_need_torch_alone():
    hosts = ('mmengine', 'mmcv', 'mmdet', 'mmseg')
    run(f'import sys; sys.modules.update(dict.fromkeys({hosts})); import mmseg_plugins.ops')


def test_setup_installs_the_safe_reader_and_can_be_called_again():
    run(f'import mmseg_plugins as m; m.setup(); m.setup(); {OURS}')


@pytest.mark.parametrize(('before', 'name'), [('', 'mmseg_plugins'), ('', 'mmseg_plugins.activate'),
                                              ('import mmseg_plugins; ', 'mmseg_plugins.activate')])
def test_a_config_that_names_the_package_sets_it_up(before, name):
    run(f'{before}from mmengine.config import Config; '
        f'Config.fromstring("custom_imports = dict(imports=[\'{name}\'])", ".py"); {OURS}')


def test_nothing_of_setup_asks_for_operators_before_they_are_found():
    """As in an environment where nobody wrote ``mmcv/_ext.py``; importing this package loads no operator."""
    hide = '''
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "mmcv._ext" else find(name, *rest)
import mmseg_plugins
mmseg_plugins.setup()
import mmcv._ext
print(mmcv._ext.nms.__module__)
'''
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', hide], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ['mmseg_plugins.ops.mmcv_ext'], done.stderr
