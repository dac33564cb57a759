"""tools/model_converters/panet_official.py as a command: what it writes and what it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from golden_cases import golden_state_dict
from official_panet import official_params

ROOT = Path(__file__).parents[2]


def run(*args):
    command = [sys.executable, '-W', 'ignore', str(ROOT / 'tools/model_converters/panet_official.py'), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


@pytest.fixture(scope='module')
def official():
    return golden_state_dict(official_params(), seed=7, gain=1.0)


def test_writes_a_checkpoint_of_the_released_setting(official, tmp_path):
    source, target = tmp_path / 'official.pth', tmp_path / 'new' / 'ours.pth'
    torch.save({'model': official, 'step': 179999}, source)
    result = run(source, target)
    assert result.returncode == 0, result.stderr
    written = torch.load(target, weights_only=True)
    assert len(written['meta']['dataset_meta']['classes']) == 80
    assert torch.equal(written['state_dict']['neck.upper_convs.0.conv.bias'],
                       official['Conv_Body.panet_buttomup_conv2_modules.0.0.bias'])


def test_refuses_an_incomplete_checkpoint(official, tmp_path):
    source, target = tmp_path / 'official.pth', tmp_path / 'ours.pth'
    kept = {key: value for key, value in official.items() if 'upconv' not in key}
    torch.save({'model': {key: value[:1] for key, value in kept.items()}}, source)
    result = run(source, target)
    assert result.returncode != 0
    assert not target.exists()
    assert 'roi_head.mask_head.upsample.weight' in result.stderr
    assert 'nothing was written' in result.stderr


def test_refuses_a_file_without_a_model(tmp_path):
    torch.save({'state_dict': {}}, tmp_path / 'x.pth')
    result = run(tmp_path / 'x.pth', tmp_path / 'y.pth')
    assert result.returncode != 0
    assert "under 'model'" in result.stderr
