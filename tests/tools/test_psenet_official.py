"""tools/model_converters/psenet_official.py as a command: what it writes and what it refuses."""

import subprocess
import sys
from pathlib import Path

import torch
from golden_cases import golden_state_dict
from official_psenet import official_params

ROOT = Path(__file__).parents[2]


def run(*args):
    command = [sys.executable, '-W', 'ignore', str(ROOT / 'tools/model_converters/psenet_official.py'), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


def test_writes_a_checkpoint_of_the_released_setting_and_refuses_half_of_it(tmp_path):
    official = {f'module.{key}': value for key, value in golden_state_dict(official_params(), seed=3, gain=1.0).items()}
    torch.save({'state_dict': official, 'epoch': 600}, tmp_path / 'official.pth.tar')
    result = run(tmp_path / 'official.pth.tar', tmp_path / 'new/ours.pth')
    assert result.returncode == 0, result.stderr
    written = torch.load(tmp_path / 'new/ours.pth', weights_only=True)
    assert written['meta']['dataset_meta']['classes'] == ('text', )
    assert torch.equal(written['state_dict']['mask_head.kernels.bias'], official['module.det_head.conv2.bias'])
    half = {key: value for key, value in official.items() if 'det_head' not in key}
    torch.save({'state_dict': half}, tmp_path / 'half.pth')
    result = run(tmp_path / 'half.pth', tmp_path / 'x.pth')
    assert result.returncode != 0
    assert 'mask_head.kernels.weight' in result.stderr
    assert not (tmp_path / 'x.pth').exists()


def test_refuses_a_file_without_a_state_dict(tmp_path):
    torch.save({'model': {}}, tmp_path / 'x.pth')
    result = run(tmp_path / 'x.pth', tmp_path / 'y.pth')
    assert result.returncode != 0
    assert "under 'state_dict'" in result.stderr
