"""The converters of the ports of ENet and FC-DenseNet as commands: what they write and what they refuse."""

import runpy
import sys
from pathlib import Path

import pytest
import torch
from golden_cases import golden_state_dict
from official_enet import port_params as enet_params
from official_fc_densenet import NETS
from official_fc_densenet import port_params as fc_densenet_params

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(monkeypatch):
    """Run a converter in this process."""

    def call(tool, *args):
        path = str(ROOT / 'tools/model_converters' / tool)
        monkeypatch.setattr(sys, 'argv', [path, *map(str, args)])
        runpy.run_path(path, run_name='__main__')

    return call


def test_enet_with_twelve_classes_becomes_a_checkpoint_of_eleven(run, tmp_path):
    official = golden_state_dict(enet_params(12), seed=3, gain=1.0)
    torch.save({'state_dict': official, 'epoch': 300}, tmp_path / 'ENet')
    run('enet_official.py', tmp_path / 'ENet', tmp_path / 'new/ours.pth', '--drop-last-class')
    written = torch.load(tmp_path / 'new/ours.pth', weights_only=True)
    assert len(written['meta']['dataset_meta']['classes']) == 11
    assert torch.equal(written['state_dict']['decode_head.score.weight'], official['transposed_conv.weight'][:, :11])
    with pytest.raises(SystemExit, match=r'decode_head\.score\.weight: checkpoint \(16, 12, 3, 3\), model \(16, 11'):
        run('enet_official.py', tmp_path / 'ENet', tmp_path / 'x.pth')
    torch.save({'model': official}, tmp_path / 'other')
    with pytest.raises(SystemExit, match="under 'state_dict'"):
        run('enet_official.py', tmp_path / 'other', tmp_path / 'x.pth')
    assert not (tmp_path / 'x.pth').exists()


def test_fc_densenet_is_written_for_the_config_of_its_depth_and_no_other(run, tmp_path):
    official = golden_state_dict(fc_densenet_params(*NETS[56], 11), seed=3, gain=1.0)
    torch.save({'state_dict': official}, tmp_path / 'weights.pth')
    configs = [ROOT / f'configs/fc_densenet/fc-densenet_{depth}_finetune_camvid.py' for depth in (56, 67)]
    run('fc_densenet_official.py', tmp_path / 'weights.pth', tmp_path / 'ours.pth', '--config', configs[0])
    written = torch.load(tmp_path / 'ours.pth', weights_only=True)
    assert torch.equal(written['state_dict']['decode_head.score.bias'], official['finalConv.bias'])
    with pytest.raises(SystemExit, match=r'backbone\.blocks\.0\.layers\.4\.conv\.weight'):
        run('fc_densenet_official.py', tmp_path / 'weights.pth', tmp_path / 'x.pth', '--config', configs[1])
    assert not (tmp_path / 'x.pth').exists()
