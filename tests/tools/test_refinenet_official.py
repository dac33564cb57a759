"""tools/model_converters/refinenet_official.py as a command: what it writes and what it refuses."""

import subprocess
import sys
from pathlib import Path

import torch
from golden_cases import golden_state_dict
from official_refinenet import mbv2_params

ROOT = Path(__file__).parents[2]
CONFIG = 'configs/refinenet/refinenet-lw_mbv2_crop500_voc.py'


def run(*args):
    tool = ROOT / 'tools/model_converters/refinenet_official.py'
    command = [sys.executable, '-W', 'ignore', str(tool), *map(str, args), '--config', str(ROOT / CONFIG)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


def test_writes_a_checkpoint_of_the_released_network_and_refuses_half_of_it(tmp_path):
    official = golden_state_dict(mbv2_params(), seed=3, gain=1.0)
    torch.save(official, tmp_path / 'official.ckpt')
    result = run(tmp_path / 'official.ckpt', tmp_path / 'new/ours.pth')
    assert result.returncode == 0, result.stderr
    written = torch.load(tmp_path / 'new/ours.pth', weights_only=True)
    assert written['meta']['dataset_meta']['classes'][:2] == ('background', 'aeroplane')
    assert torch.equal(written['state_dict']['decode_head.classifier.bias'], official['segm.bias'])
    torch.save({key: value for key, value in official.items() if 'segm' not in key}, tmp_path / 'half.ckpt')
    result = run(tmp_path / 'half.ckpt', tmp_path / 'x.pth')
    assert result.returncode != 0
    assert 'decode_head.classifier.weight' in result.stderr
    assert not (tmp_path / 'x.pth').exists()


def test_says_what_kind_of_file_it_reads(tmp_path):
    torch.save({'segmenter': {}, 'epoch': 3}, tmp_path / 'training.ckpt')
    result = run(tmp_path / 'training.ckpt', tmp_path / 'y.pth')
    assert result.returncode != 0
    assert "is a state dict, found ['epoch', 'segmenter']" in result.stderr
