"""The set-up says what is missing on a machine instead of failing somewhere in the middle."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def setup(**variables):
    command = ['bash', 'tools/setup_env.sh']
    env = dict(os.environ, **variables)
    return subprocess.run(command, cwd=ROOT, env=env, text=True, capture_output=True, check=False)


@pytest.mark.parametrize('script', sorted((ROOT / 'tools').glob('*.sh')), ids=lambda path: path.name)
def test_script_parses(script):
    subprocess.run(['bash', '-n', str(script)], check=True)


def test_unknown_line_is_refused_with_the_two_there_are():
    done = setup(STACK='mim')
    assert done.returncode == 2
    assert 'STACK=stock or STACK=onedl' in done.stderr


def test_unknown_operators_are_refused_with_the_two_kinds_there_are():
    done = setup(OPS='gpu')
    assert done.returncode == 2
    assert 'OPS=wheels or OPS=compiled' in done.stderr


def test_machine_without_a_fitting_python_is_told_how_to_name_one(tmp_path):
    done = setup(PYTHON='no-such-python', VENV=str(tmp_path / 'venv'))
    assert done.returncode == 1
    assert 'no Python 3.10 to 3.13 found. Fix:' in done.stderr
    assert not (tmp_path / 'venv').exists()


def test_python_too_old_is_not_taken(tmp_path):
    old = tmp_path / 'python3.9'
    old.write_text('#!/bin/sh\nexit 1\n')
    old.chmod(0o755)
    done = setup(PYTHON=str(old), VENV=str(tmp_path / 'venv'))
    assert done.returncode == 1
    assert 'no Python 3.10 to 3.13 found' in done.stderr
