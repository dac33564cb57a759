"""tools/model_converters/solo_official.py as a command: what it writes and what it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from golden_cases import golden_state_dict
from official_solo import solov2_light_r18

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/solo/solov2-light_r18-448_3x_coco.py'


def run(*args):
    command = [sys.executable, '-W', 'ignore', str(ROOT / 'tools/model_converters/solo_official.py'), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


@pytest.fixture(scope='module')
def official():
    return golden_state_dict(solov2_light_r18(), seed=7, gain=1.0)


def test_writes_a_checkpoint_of_the_released_setting(official, tmp_path):
    source, target = tmp_path / 'official.pth', tmp_path / 'new' / 'ours.pth'
    torch.save({'state_dict': official, 'meta': {'epoch': 36}}, source)
    result = run(source, target, '--config', CONFIG)
    assert result.returncode == 0, result.stderr
    written = torch.load(target, weights_only=True)
    assert len(written['meta']['dataset_meta']['classes']) == 80
    assert len(written['state_dict']) == len(official)
    assert torch.equal(written['state_dict']['mask_head.mask_feature_head.conv_pred.gn.bias'],
                       official['mask_feat_head.conv_pred.0.gn.bias'])


def test_refuses_a_checkpoint_of_another_model(official, tmp_path):
    source, target = tmp_path / 'official.pth', tmp_path / 'ours.pth'
    torch.save({'state_dict': {k: v for k, v in official.items() if 'solo_kernel' not in k}}, source)
    result = run(source, target, '--config', CONFIG)
    assert result.returncode != 0
    assert not target.exists()
    assert 'mask_head.conv_kernel.weight' in result.stderr
    assert 'nothing was written' in result.stderr
    torch.save({'model': {}}, source)
    assert "under 'state_dict'" in run(source, target, '--config', CONFIG).stderr
