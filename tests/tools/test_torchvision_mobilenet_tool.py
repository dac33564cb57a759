"""The converter of torchvision's MobileNetV2 as a command: what it writes loads as a backbone's first weights."""

import subprocess
import sys
from pathlib import Path

import torch
from golden_cases import golden_state_dict
from mmengine.registry import MODELS, DefaultScope
from official_mobilenet import torchvision_params

ROOT = Path(__file__).parents[2]


def run(*args):
    tool = ROOT / 'tools/model_converters/torchvision_mobilenet_v2.py'
    command = [sys.executable, '-W', 'ignore', str(tool), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


def test_writes_first_weights_of_a_backbone_and_refuses_half_of_them(tmp_path):
    source = golden_state_dict(torchvision_params(), seed=3, gain=1.0)
    torch.save(source, tmp_path / 'mobilenet_v2.pth')
    result = run(tmp_path / 'mobilenet_v2.pth', tmp_path / 'new/ours.pth', '--expanded')
    assert result.returncode == 0, result.stderr
    with DefaultScope.overwrite_default_scope('mmseg'):
        net = MODELS.build(dict(
            type='mmseg_plugins.ExpandedMobileNetV2',
            init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'new/ours.pth'))))
        net.init_weights()
    assert torch.equal(net.layer7[0].conv[2].conv.weight, source['features.17.conv.2.weight'])
    torch.save({key: value for key, value in source.items() if '.17.' not in key}, tmp_path / 'half.pth')
    result = run(tmp_path / 'half.pth', tmp_path / 'x.pth')
    assert result.returncode != 0
    assert 'layer7.0.conv.2.conv.weight' in result.stderr
    assert not (tmp_path / 'x.pth').exists()
