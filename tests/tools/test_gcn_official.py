"""tools/model_converters/gcn_official.py as a command: what it writes and what it refuses."""

import subprocess
import sys
from pathlib import Path

import torch
from golden_cases import golden_state_dict
from official_gcn import gcn_params

ROOT = Path(__file__).parents[2]


def run(*args):
    tool = ROOT / 'tools/model_converters/gcn_official.py'
    command = [sys.executable, '-W', 'ignore', str(tool), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


def test_writes_a_checkpoint_and_refuses_kernels_of_another_size(tmp_path):
    config = tmp_path / 'narrow.py'
    config.write_text(
        f"_base_ = '{ROOT}/configs/gcn/gcn_r152-k7-bilinear_crop512_voc.py'\n"
        'model = dict(\n'
        '    backbone=dict(net=dict(depth=50, base_channels=2, stem_channels=2)),\n'
        '    decode_head=dict(in_channels=[8, 16, 32, 64, 3]))\n')
    official = golden_state_dict(gcn_params((3, 4, 6, 3), width=2), seed=3, gain=1.0)
    torch.save(official, tmp_path / 'official.pth')
    result = run(tmp_path / 'official.pth', tmp_path / 'new/ours.pth', '--config', config)
    assert result.returncode == 0, result.stderr
    written = torch.load(tmp_path / 'new/ours.pth', weights_only=True)
    assert len(written['meta']['dataset_meta']['classes']) == 21
    assert torch.equal(written['state_dict']['decode_head.refine_sums.0.conv2.bias'], official['brm9.conv2.bias'])
    other = golden_state_dict(gcn_params((3, 4, 6, 3), width=2, kernel_size=5), seed=3, gain=1.0)
    torch.save(other, tmp_path / 'other.pth')
    result = run(tmp_path / 'other.pth', tmp_path / 'x.pth', '--config', config)
    assert result.returncode != 0
    assert 'kernels.3.left1.weight: checkpoint (21, 64, 5, 1), model (21, 64, 7, 1)' in result.stderr
    assert not (tmp_path / 'x.pth').exists()
