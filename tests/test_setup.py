"""Importing the package changes nothing; ``setup()``, or a config that names the package, prepares the process."""

import json
import subprocess
import sys

import pytest

from mmseg_plugins.cli.main import COMMANDS

READER = 'from mmengine.runner.checkpoint import CheckpointLoader as L; name = L._schemes[""].__module__; '
OURS = READER + 'assert name == "mmseg_plugins.engine.checkpoint.loaders", name'
STOCK = READER + 'assert name == "mmengine.runner.checkpoint", name'
WITHOUT_OPERATORS = '''
import importlib, sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "mmcv._ext" else find(name, *rest)
'''


def importing(module):
    return f'import {module}; {STOCK}'


def named(name, before=''):
    """A config names the package, which may have been imported before."""
    config = f"custom_imports = dict(imports=['{name}'])"
    return f'{before}from mmengine.config import Config; Config.fromstring({config!r}, ".py"); {OURS}'


def every_module():
    """All commands, and the rooms that a run begins in."""
    commands = [one for command in COMMANDS for one in (command, *command.children) if one.module]
    modules = [f'mmseg_plugins.cli.{command.module}' for command in commands]
    return [*modules, 'mmseg_plugins.engine.runner.options', 'mmseg_plugins.config.load',
            'mmseg_plugins.datasets.coco_api']


# What happens -> the code of a process that sees it happen.
PROGRAMS = {
    'importing the package installs nothing': importing('mmseg_plugins'),
    'importing the engine installs nothing': importing('mmseg_plugins.engine'),
    'importing the models installs nothing': importing('mmseg_plugins.models'),
    'setup installs the safe reader and can be called again':
        f'import mmseg_plugins as m; m.setup(); m.setup(); {OURS}',
    'a config that names the package sets it up': named('mmseg_plugins'),
    'a config that names its activation sets it up': named('mmseg_plugins.activate'),
    'so it does after an import': named('mmseg_plugins.activate', 'import mmseg_plugins; '),
    # As in an environment where nobody wrote mmcv/_ext.py: each command imports the engine, then calls setup().
    'every command and room loads before operators are found':
        f'{WITHOUT_OPERATORS}for name in {every_module()}: importlib.import_module(name)\n'
        'assert "mmcv.ops" not in sys.modules',
    'setup finds operators that nobody wrote':
        f'{WITHOUT_OPERATORS}import mmseg_plugins; mmseg_plugins.setup(); import mmcv.ops, mmcv._ext\n'
        'assert mmcv._ext.nms.__module__ == "mmseg_plugins.ops.mmcv_ext"',
}

# Starts a child for each program it reads, after the imports that all need: torch and mmengine, nothing of ours.
STARTER = '''
import json, os, sys, traceback
import mmengine.runner
assert not any(name.startswith("mmseg_plugins") for name in sys.modules)
for name, code in json.load(sys.stdin).items():
    child = os.fork()
    if child == 0:
        try:
            exec(code, {})
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    print(json.dumps([name, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]), flush=True)
'''


@pytest.fixture(scope='module')
def ends():
    """Exit status of each program, and what all of them said."""
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', STARTER], input=json.dumps(PROGRAMS),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(map(json.loads, done.stdout.splitlines())), done.stderr


@pytest.mark.parametrize('name', PROGRAMS)
def test_in_a_process_of_its_own(name, ends):
    status, said = ends
    assert status[name] == 0, said
