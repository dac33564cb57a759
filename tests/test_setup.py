"""Importing the package changes nothing; ``setup()``, or a config that names the package, prepares the process."""

import subprocess
import sys

import pytest

from mmseg_plugins.cli.main import COMMANDS

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


WITHOUT_OPERATORS = '''
import importlib, sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "mmcv._ext" else find(name, *rest)
'''


def test_every_command_and_room_loads_before_operators_are_found():
    """As in an environment where nobody wrote ``mmcv/_ext.py``: each command imports the engine, then calls setup()."""
    commands = [one for command in COMMANDS for one in (command, *command.children) if one.module]
    modules = [f'mmseg_plugins.cli.{command.module}' for command in commands]
    modules += ['mmseg_plugins.engine.runner.options', 'mmseg_plugins.config.load', 'mmseg_plugins.datasets.coco_api']
    run(f'{WITHOUT_OPERATORS}for name in {modules}: importlib.import_module(name)\n'
        'assert "mmcv.ops" not in sys.modules')


def test_setup_finds_operators_that_nobody_wrote():
    run(f'{WITHOUT_OPERATORS}import mmseg_plugins; mmseg_plugins.setup(); import mmcv.ops, mmcv._ext\n'
        'assert mmcv._ext.nms.__module__ == "mmseg_plugins.ops.mmcv_ext"')
