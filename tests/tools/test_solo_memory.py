"""tools/analysis_tools/solo_memory.py as a command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*args):
    command = [sys.executable, '-W', 'ignore', str(ROOT / 'tools/analysis_tools/solo_memory.py'), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


@pytest.mark.parametrize('extra', [['--rle'], ['--stock']])
def test_prints_what_a_prediction_took(extra):
    result = run('--size', '60', '90', '--map-size', '20', '30', '--candidates', '700', *extra)
    assert result.returncode == 0, result.stderr
    facts = json.loads(result.stdout.splitlines()[-1])
    assert facts['head'] == ('mmdet' if extra == ['--stock'] else 'mmseg_plugins')
    assert facts['instances'] == 100
    assert 0 < facts['before_gb'] <= facts['peak_gb'] < 4


def test_refuses_more_candidates_than_there_can_be():
    result = run('--candidates', '969')
    assert result.returncode != 0
    assert 'at most 968' in result.stderr
